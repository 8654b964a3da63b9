"""tfrecord-lite report FILE... -o report.html"""

from __future__ import annotations

import argparse
import sys

from tfrecord_lite.cli.output import add_files, add_json, print_summary
from tfrecord_lite.cli.stats import add_sample, is_one_of

NAME = "report"
HELP = (
    "Write a report of the files as one web page: summary, statistics with histograms, images, anomalies. It needs no "
    "network to be read. Exit code 1 when something is damaged, or no record is an Example."
)
EXAMPLES = ("tfrecord-lite report train.tfrecord -o report.html",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `report`."""
    add_files(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="the HTML file to write; - is standard output"
    )
    add_sample(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the page, and say how much is worth a look."""
    from tfrecord_lite.cli.main import fail
    from tfrecord_lite.cli.progress import Progress
    from tfrecord_lite.errors import noun, printable
    from tfrecord_lite.files.streams import publish
    from tfrecord_lite.look.anomalies import PROBLEM
    from tfrecord_lite.look.page import page_of
    from tfrecord_lite.look.report import make_report

    with Progress("reading", 0) as progress:
        report = make_report(arguments.files, arguments.compression, sample=arguments.sample, progress=progress)
    if is_one_of(arguments.output, report.files):
        return fail(f"{printable(arguments.output)} is one of the files that are read", 2)
    for facts in report.files:
        if not facts.is_sound:
            fail(f"{facts.name}: {facts.state()}", 1)
    if report.has_no_examples:
        fail("there are no Examples to look at: head shows records of any kind", 1)
    page = page_of(report).encode()
    code = 0 if report.is_sound and not report.has_no_examples else 1
    if arguments.output == "-":
        sys.stdout.buffer.write(page)
        return code
    publish(arguments.output, page)
    problems = sum(anomaly.severity == PROBLEM for anomaly in report.anomalies)
    notices = len(report.anomalies) - problems
    anomalies = [anomaly.as_dict() for anomaly in report.anomalies]
    examples, features = report.statistics.records, len(report.statistics.features)
    counts = {"example": examples, "feature": features, "problem": problems, "notice": notices}
    shown = ", ".join(f"{count:,} {noun(count, name)}" for name, count in counts.items())
    print_summary(
        arguments,
        f"{printable(arguments.output)}: {shown}",
        {"output": arguments.output, "sound": report.is_sound, "anomalies": anomalies},
    )
    return code
