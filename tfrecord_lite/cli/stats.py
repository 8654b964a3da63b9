"""tfrecord-lite stats FILE..."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tfrecord_lite.cli.moving import positive
from tfrecord_lite.cli.output import add_files, add_json, print_json, print_line, print_table

if TYPE_CHECKING:
    from tfrecord_lite.look.file_facts import FileFacts
    from tfrecord_lite.look.statistics import BytesValues, FeatureStatistics, KindValues
    from tfrecord_lite.look.survey import Survey

NAME = "stats"
HELP = (
    "Say what the features hold: how often they are there, kinds, lengths, ranges, small histograms, the most frequent "
    "values, sizes of images. Reads everything once, in bounded memory. Exit code 1 when something is damaged, or no "
    "record is an Example."
)
EXAMPLES = ("tfrecord-lite stats train.tfrecord val.tfrecord", "tfrecord-lite stats --sample 1000 shards")

_HEADINGS = ("feature", "kind", "records", "missing", "length", "values", "mean", "distribution")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `stats`."""
    add_files(parser)
    add_sample(parser)
    add_json(parser)


def add_sample(parser: argparse.ArgumentParser) -> None:
    """--sample."""
    parser.add_argument(
        "--sample",
        type=positive,
        metavar="N",
        help="look at N records in all, an equal share of each file from its beginning; without this at every record",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a table with a line for each feature."""
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.errors import noun
    from tfrecord_lite.look.statistics_sketch import statistics_of
    from tfrecord_lite.look.survey import Survey

    with Progress("reading", 0) as progress:
        survey = Survey(arguments.files, arguments.compression, sample=arguments.sample, progress=progress)
        statistics = statistics_of(survey.examples())
    if arguments.json:
        files = [facts.as_dict() for facts in survey.files]
        print_json({"sound": survey.is_sound, "complete": survey.is_complete, "files": files, **statistics.as_dict()})
        return _code(survey)
    features, examples = len(statistics.features), statistics.records
    shown = f"{features:,} {noun(features, 'feature')}, {examples:,} {noun(examples, 'example')}"
    print_line(f"{shown} looked at")
    if statistics.features:
        print_table(
            [_HEADINGS, *(row for feature in statistics.features for row in _rows(feature, statistics.records))]
        )
    if statistics.left_out:
        print_line(f"and more features, met {statistics.left_out:,} times, that were not looked at")
    return tell_problems(survey)


def tell_problems(survey: Survey) -> int:
    """Say on stderr what is wrong with the files, and give the exit code."""
    from tfrecord_lite.cli.main import fail

    for facts in survey.files:
        if not facts.is_sound:
            fail(f"{facts.name}: {facts.state()}", 1)
        if others := facts.others():
            fail(f"{facts.name}: {others}", 0)
        if sequences := facts.sequences():
            fail(f"{facts.name} {sequences}: only their context was looked at; schema shows their feature lists", 0)
    if survey.has_no_examples:
        fail("there are no Examples to look at: head shows records of any kind", 1)
    return _code(survey)


def _code(survey: Survey) -> int:
    return 0 if survey.is_sound and not survey.has_no_examples else 1


def is_one_of(output: str, files: Iterable[FileFacts]) -> bool:
    """Whether what is to be written is one of the files, under whatever name."""
    paths = [facts.path for facts in files if facts.path is not None]
    return os.path.exists(output) and any(os.path.exists(path) and os.path.samefile(output, path) for path in paths)


def _rows(feature: FeatureStatistics, records: int) -> Iterator[tuple[str, ...]]:
    from tfrecord_lite.look import wording

    name, missing = wording.short_name(feature.name), wording.missing(feature)
    if not feature.kinds:
        yield name, "no kind", "", missing, "", "", "", ""
    for dtype, kind in feature.kinds.items():
        label = f"{dtype} (mixed)" if len(feature.kinds) > 1 else dtype
        share = wording.percent(kind.records, records)
        yield name, label, share, missing, wording.lengths(kind), *_values(kind)


def _values(kind: KindValues) -> tuple[str, str, str]:
    """(values, mean, distribution) of the table."""
    from tfrecord_lite.look import wording
    from tfrecord_lite.look.statistics import BytesValues

    values = kind.values
    if isinstance(values, BytesValues):
        return wording.values(values), "", _bytes_distribution(values)
    mean = wording.number(values.mean) if values.count else ""
    if values.has_all_values and len(values.frequent) <= wording.FEW_SHARES:
        return wording.values(values), mean, wording.shares(values.frequent, values.count, values.distinct)
    return wording.values(values), mean, wording.sparkline([count for _, count in wording.bars(values)], _blocks())


def _bytes_distribution(values: BytesValues) -> str:
    from tfrecord_lite.look import wording

    if values.images is None and values.frequent and values.frequent[0][1] > 1:
        return wording.shares(values.frequent, values.count, values.distinct)
    encodings: tuple[tuple[Any, int], ...] = values.encodings
    if len(encodings) == 1:
        modes = () if values.images is None else values.images.modes
        return " ".join([encodings[0][0], *(mode for mode, _ in modes[:3])])
    return ", ".join(f"{encoding} {wording.percent(count, values.count)}" for encoding, count in encodings)


def _blocks() -> str:
    from tfrecord_lite.look.wording import ASCII_BLOCKS, BLOCKS

    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII_BLOCKS
    return BLOCKS
