"""What a report tells about one feature: facts as a list, charts of its values and lengths."""

from __future__ import annotations

from collections.abc import Iterator

from tfrecord_lite.errors import noun
from tfrecord_lite.look import wording
from tfrecord_lite.look.charts import histogram, table, text
from tfrecord_lite.look.numbers import Numbers
from tfrecord_lite.look.statistics import BytesValues, FeatureStatistics, KindValues

_Facts = list[tuple[str, str]]

#: So many different numbers are a table, more a histogram.
_FEW = 12


def article(number: int, feature: FeatureStatistics, records: int, *, is_folded: bool = False) -> str:
    """The part of the page with the id `feature-NUMBER`; folded, only its name is seen until somebody opens it."""
    share = wording.percent(feature.present, records)
    facts: _Facts = [("In examples", f"{feature.present:,} of {records:,} ({share})")]
    missing = wording.missing(feature)
    if missing:
        facts.append(("Missing", missing))
    if len(feature.kinds) == 1:
        [(dtype, kind)] = feature.kinds.items()
        content = _list([*facts, ("Kind", dtype), *_kind_facts(kind)]) + "".join(_charts(kind))
    else:
        content = _list(facts) + "".join(
            f"<h4>Where it is {text(dtype)}: {kind.records:,} {noun(kind.records, 'example')}</h4>"
            f"{_list(_kind_facts(kind))}{''.join(_charts(kind))}"
            for dtype, kind in feature.kinds.items()
        )
    heading = f'<h3 id="feature-{number}-name">{text(wording.full_name(feature.name))}</h3>'
    # The id is outside of what is folded: not every browser opens that for a link into it.
    shown = (
        f'<details class="folded"><summary>{heading}</summary>{content}</details>' if is_folded else heading + content
    )
    return f'<article id="feature-{number}" aria-labelledby="feature-{number}-name" tabindex="-1">{shown}</article>'


def _kind_facts(kind: KindValues) -> _Facts:
    values = kind.values
    if isinstance(values, BytesValues) and values.is_constant and values.frequent:
        return [("Values each", _length(kind.lengths)), ("Value", wording.label_of(values.frequent[0][0]))]
    facts = _bytes_facts(values) if isinstance(values, BytesValues) else _number_facts(values)
    return [("Values each", _length(kind.lengths)), *facts]


def _length(lengths: Numbers) -> str:
    if lengths.minimum == lengths.maximum:
        return wording.number(lengths.minimum)
    return f"{wording.span(lengths)}, half of them up to {wording.number(lengths.quantiles[2])}"


def _number_facts(values: Numbers) -> _Facts:
    if not values.count:
        return [("NaN, infinite", f"{values.nan:,}, {values.infinite:,}")] if values.nan or values.infinite else []
    facts = [("Range", wording.span(values))]
    if not values.is_constant:
        low, _, middle, _, high = map(wording.number, values.quantiles)
        facts += [
            ("Mean", f"{wording.number(values.mean)} ± {wording.number(values.deviation)}"),
            ("Median", f"{middle}; 90 % from {low} to {high}"),
        ]
        zeros = f"{values.zeros:,} ({wording.percent(values.zeros, values.count)})" if values.zeros else "none"
        facts.append(("Zeros", zeros))
    if values.nan or values.infinite:
        facts.append(("NaN, infinite", f"{values.nan:,}, {values.infinite:,}"))
    if values.distinct is not None:
        facts.append(("Different", f"{values.distinct:,}"))
    return facts


def _bytes_facts(values: BytesValues) -> _Facts:
    if not values.count:
        return []
    smallest, largest = int(values.sizes.minimum or 0), int(values.sizes.maximum or 0)
    same = smallest == largest
    facts = [("Size", wording.size(smallest) if same else f"{wording.size(smallest)} to {wording.size(largest)}")]
    encodings = ", ".join(f"{encoding} {wording.percent(count, values.count)}" for encoding, count in values.encodings)
    facts.append(("Content", encodings))
    if values.distinct is not None:
        facts.append(("Different", f"{values.distinct:,}"))
    images = values.images
    if images is not None:
        if images.widths.count:
            facts.append(("Pixels", f"{wording.span(images.widths)} wide, {wording.span(images.heights)} high"))
        if images.modes:
            facts.append(
                ("Colours", ", ".join(f"{mode} {wording.percent(n, images.count)}" for mode, n in images.modes))
            )
        if images.unreadable:
            facts.append(("Unreadable", f"{images.unreadable:,} of {images.count:,} headers"))
    return facts


def _charts(kind: KindValues) -> Iterator[str]:
    lengths, values = kind.lengths, kind.values
    if isinstance(values, Numbers):
        if values.has_all_values and len(values.frequent) <= _FEW and not values.is_constant:
            yield table(wording.each_value(values), values.count, "Values")
        elif values.count and not values.is_constant:
            yield _histogram(values, "Values")
    elif values.images is not None:
        if values.images.sizes and not (values.images.widths.is_constant and values.images.heights.is_constant):
            shown = [(f"{shape} px", count) for shape, count in values.images.sizes[:5]]
            yield table(shown, values.images.count, "The most frequent sizes of images")
        yield from _spread(values.sizes, "Bytes of each value")
    elif values.is_constant:
        pass
    elif values.frequent and values.frequent[0][1] > 1:
        shown = [(wording.label_of(value), count) for value, count in values.frequent[:12]]
        rough = f", counts too low by up to {values.frequent_error:,}" if values.frequent_error else ""
        yield table(shown, values.count, f"The most frequent values{rough}")
    else:
        yield from _spread(values.sizes, "Bytes of each value")
    yield from _spread(lengths, "Values in each example")


def _spread(numbers: Numbers, about: str) -> Iterator[str]:
    if numbers.count and not numbers.is_constant:
        yield f"<h4>{about}</h4>{_histogram(numbers, about)}"


def _histogram(numbers: Numbers, about: str) -> str:
    return histogram(wording.bars(numbers), about, wording.number(numbers.minimum), wording.number(numbers.maximum))


def _list(facts: _Facts) -> str:
    if not facts:
        return ""
    return '<dl class="facts">' + "".join(f"<dt>{text(a)}</dt><dd>{text(b)}</dd>" for a, b in facts) + "</dl>"
