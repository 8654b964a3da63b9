"""A report as one web page: HTML with its style, charts and images in it, no script, and nothing from a network.

Headings, lists, tables with captions and images with descriptions make it readable by ear and by keyboard; a policy in
its head lets a browser load nothing, should something from the data ever get past the escaping.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence

import tfrecord_lite
from tfrecord_lite.look import wording
from tfrecord_lite.look.anomalies import PROBLEM
from tfrecord_lite.look.articles import article
from tfrecord_lite.look.charts import text
from tfrecord_lite.look.file_facts import FileFacts
from tfrecord_lite.look.pictures import Picture
from tfrecord_lite.look.report import Report
from tfrecord_lite.look.style import STYLE

#: So much of each is on the page, which says what is not: a page of hundreds of megabytes can be read by nobody.
_FILES, _ANOMALIES, _FEATURES = 100, 200, 300
#: The details of more features than this are folded: the page can be looked over, and Tab leads from one to the next.
_UNFOLDED = 30
_IMAGE_BYTES = 4 << 20
#: Images so small are kept as they are, and shown in whole pixels.
_TINY = 48
_JPEG_QUALITY = 82

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page_of(report: Report) -> str:
    """The whole page, in characters that UTF-8 can take."""
    title = _title(report.files)
    sections = [
        ("summary", "Summary", _summary(report)),
        ("anomalies", "Anomalies", _anomalies(report)),
        ("files", "Files", _files(report)),
        ("features", "Features", _features(report)),
        ("images", "Images", _gallery(report.pictures)),
    ]
    shown = [section for section in sections if section[2]]
    links = "".join(f'<li><a href="#{name}">{heading}</a></li>' for name, heading, _ in shown)
    body = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{heading}</h2>{content}</section>'
        for name, heading, content in shown
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)}: data report</title><style>{STYLE}</style></head><body>"
        '<a class="skip" href="#main">Skip to the content</a>'
        f'<header><h1>{text(title)}</h1><p class="soft">What these TFRecord files hold.</p>'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        f'<main id="main" tabindex="-1">{body}</main>'
        f"<footer><p>Made by tfrecord_lite {text(tfrecord_lite.__version__)}. "
        "Quantiles and histograms of many values are right to about 1&nbsp;%.</p></footer></body></html>\n"
    )


def _title(files: Sequence[FileFacts]) -> str:
    names = [os.path.basename(facts.path or "") or facts.path or "<file object>" for facts in files]
    if len(names) == 1:
        return names[0]
    return f"{len(names):,} files" if not names else f"{names[0]} and {len(names) - 1:,} more"


def _summary(report: Report) -> str:
    files, statistics = report.files, report.statistics
    bad = sum(not facts.is_sound for facts in files)
    if bad:
        state = f'<span class="bad">{bad:,} of {len(files):,} files damaged</span>'
    elif report.is_complete:
        state = '<span class="good">all sound</span>'
    else:
        state = "sound as far as looked"
    missing = sum(shards.missing_count for shards in report.sets)
    tiles = [
        ("Files", f"{len(files):,}"),
        ("Records read", f"{sum(facts.records for facts in files):,}"),
        ("Examples looked at", f"{statistics.records:,}"),
        ("Features", f"{len(statistics.features):,}"),
        ("Size", text(wording.size(sum(facts.bytes or 0 for facts in files)))),
        ("CRCs", state),
    ]
    if report.sets:
        tiles.append(("Shards missing", f'<span class="bad">{missing:,}</span>' if missing else "none"))
    note = ""
    if not all(facts.is_decoded and facts.is_complete for facts in files if facts.is_sound):
        sample = f"{statistics.records:,} examples, an equal share from the beginning of each file"
        note = f"<p>Statistics and images are of a sample: {sample}.</p>"
    return note + '<dl class="tiles">' + "".join(f"<div><dt>{a}</dt><dd>{b}</dd></div>" for a, b in tiles) + "</dl>"


def _anomalies(report: Report) -> str:
    if not report.anomalies:
        return '<p class="good">Nothing stands out.</p>'
    items = []
    places = {feature.name: number for number, feature in enumerate(report.statistics.features[:_FEATURES])}
    for anomaly in report.anomalies[:_ANOMALIES]:
        style, word = ("bad", "Problem") if anomaly.severity == PROBLEM else ("odd", "Notice")
        subject = f'<span class="name">{text(anomaly.subject)}</span> ' if anomaly.subject else ""
        if anomaly.subject in places:
            name = text(wording.full_name(anomaly.subject))
            subject = f'<a class="name" href="#feature-{places[anomaly.subject]}">{name}</a> '
        items.append(f'<li class="{style}"><b>{word}</b>{subject}<span>{text(anomaly.text)}</span></li>')
    more = len(report.anomalies) - _ANOMALIES
    note = f"<p>And {more:,} more.</p>" if more > 0 else ""
    return f'<ul class="anomalies">{"".join(items)}</ul>{note}'


def _files(report: Report) -> str:
    ranked = sorted(report.files, key=lambda facts: facts.is_sound)  # what is damaged is shown in any case
    rows = []
    for facts in ranked[:_FILES]:
        size = "" if facts.bytes is None else wording.size(facts.bytes)
        style = "" if facts.is_sound else ' class="bad"'
        rows.append(
            f'<tr><th scope="row" class="name">{text(facts.name)}</th><td{style}>{text(facts.state())}</td>'
            f'<td class="n">{facts.records:,}</td><td class="n">{text(size)}</td>'
            f"<td>{text(facts.compression_type or 'none')}</td></tr>"
        )
    rest = ranked[_FILES:]
    damaged = sum(not facts.is_sound for facts in rest)
    note = f"<p>And {len(rest):,} more files, {damaged:,} of them damaged.</p>" if rest else ""
    sets = "".join(f"<li>{text(shards)}</li>" for shards in report.sets)
    regions = [str(region) for facts in report.files for region in facts.regions]
    listed = "".join(f"<li>{text(region)}</li>" for region in regions[:_FILES])
    if len(regions) > _FILES:
        listed += f"<li>and {len(regions) - _FILES:,} more</li>"
    damage = f"<h3>Damaged regions</h3><ul>{listed}</ul>" if regions else ""
    heads = ("File", "State", "Records", "Size", "Compression")
    return (
        _table("files-caption", "Each file that was read.", heads, rows)
        + note
        + (f"<ul>{sets}</ul>" if sets else "")
        + damage
    )


def _table(identifier: str, caption: str, headings: Sequence[str], rows: Sequence[str]) -> str:
    """A table that scrolls by itself, by keyboard too, where the screen is narrow."""
    numbers = {"Records", "Size"}
    head = "".join(f'<th scope="col"{" class=n" if name in numbers else ""}>{name}</th>' for name in headings)
    return (
        f'<div class="scroll" role="region" aria-labelledby="{identifier}" tabindex="0"><table class="wide">'
        f'<caption id="{identifier}">{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _features(report: Report) -> str:
    features, records = report.statistics.features, report.statistics.records
    if not features:
        return "<p>There are none.</p>"
    rows = []
    for number, feature in enumerate(features):
        name = text(wording.full_name(feature.name))
        link = f'<a href="#feature-{number}">{name}</a>' if number < _FEATURES else name
        kinds = " and ".join(feature.kinds) or "no kind"
        values = "; ".join(wording.values(kind.values) for kind in feature.kinds.values())
        rows.append(
            f'<tr><th scope="row" class="name">{link}</th><td>{text(kinds)}</td>'
            f'<td class="n">{text(wording.percent(feature.present, records))}</td><td>{text(values)}</td></tr>'
        )
    heads = ("Feature", "Kind", "Records", "Values")
    caption = f"Every feature of {records:,} examples: in how many it holds something, and what."
    is_folded = len(features) > _UNFOLDED
    articles = "".join(
        article(number, feature, records, is_folded=is_folded) for number, feature in enumerate(features[:_FEATURES])
    )
    more = len(features) - _FEATURES
    note = (
        f"<p>Details of the first {_FEATURES:,} features; those of {more:,} more are left out.</p>" if more > 0 else ""
    )
    return _table("features-caption", caption, heads, rows) + note + f'<div class="features">{articles}</div>'


def _gallery(pictures: Sequence[Picture]) -> str:
    parts = []
    budget = _IMAGE_BYTES
    left_out = 0
    for name in dict.fromkeys(picture.feature for picture in pictures):
        figures = []
        of_feature = [picture for picture in pictures if picture.feature == name]
        for picture in of_feature:
            figure = _figure(picture)
            if len(figure) <= budget:
                budget -= len(figure)
                figures.append(figure)
            else:
                left_out += 1
        parts.append(
            f'<h3>{text(wording.full_name(name))}</h3><p class="soft">{len(of_feature):,} drawn at random.</p>'
        )
        parts.append(f'<ul class="gallery">{"".join(figures)}</ul>')
    if left_out:
        parts.append(f"<p>{left_out:,} more images are left out: the page would become too large.</p>")
    return "".join(parts)


def _figure(picture: Picture) -> str:
    label = f"<b>{text(picture.label)}</b> " if picture.label else ""
    caption = f"<figcaption>{label}#{picture.record_number:,}<br>{text(picture.facts)}</figcaption>"
    if picture.image is None:
        return f'<li><figure><div class="broken">cannot be shown: {text(picture.problem)}</div>{caption}</figure></li>'
    file = io.BytesIO()
    width, height = picture.image.size
    tiny = max(width, height) <= _TINY
    if tiny or picture.image.mode == "RGBA":
        kind = "png"
        picture.image.save(file, "PNG", optimize=True)
    else:
        kind = "jpeg"
        picture.image.save(file, "JPEG", quality=_JPEG_QUALITY)
    described = f"{picture.facts}, record {picture.record_number:,}" + (f", {picture.label}" if picture.label else "")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    style = ' class="pixels"' if tiny else ""
    return (
        f'<li><figure><img{style} src="data:image/{kind};base64,{data}" width="{width}" height="{height}"'
        f' alt="{text(described)}">{caption}</figure></li>'
    )
