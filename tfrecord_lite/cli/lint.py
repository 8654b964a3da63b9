"""tfrecord-lite lint FILE..."""

from __future__ import annotations

import argparse
import os
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tfrecord_lite.cli.output import STDOUT, add_files, add_json, print_json, print_line

if TYPE_CHECKING:
    from tfrecord_lite.files.linting import Lint
    from tfrecord_lite.format.findings import Finding
    from tfrecord_lite.format.python_spec import Spec

NAME = "lint"
HELP = (
    "Say by what TensorFlow would silently read less or other than what is there, or fail. Of SequenceExamples the"
    " bytes of context and feature lists are checked, with --spec, too, which asks for the context alone. Exit code 0:"
    " nothing was found (notes do not count, nor what --fix mended), 1: something was, such as a file that is not"
    " there, 2: SPEC cannot be read, or OUT not be written."
)
EXAMPLES = (
    "tfrecord-lite lint train.tfrecord --spec features.py",
    "tfrecord-lite lint train.tfrecord --fix mended.tfrecord",
)

#: Findings of one kind that people are shown one by one.
_FIRST = 3
#: Kinds of findings that are told apart: a hostile file can hold any number.
_MOST_KINDS = 1000
_SEVERITIES = ("error", "warning", "note")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `lint`."""
    add_files(parser)
    parser.add_argument(
        "--spec",
        metavar="SPEC",
        help="the features that are to be parsed: JSON of a schema or of features, perhaps with a"
        " compression_type beside them, or a Python file with tf.io features"
        " in it, which is read and not run; FILE.py:NAME for one of several dicts; - is standard input",
    )
    parser.add_argument(
        "--fix",
        metavar="OUT",
        help="write all records to this file, those that can be mended so in the canonical way; for several files a"
        " directory",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings by their kinds; with --json a line for each as it is found."""
    from tfrecord_lite.cli.main import describe, fail, reader_has_gone
    from tfrecord_lite.errors import TFRecordError
    from tfrecord_lite.files.linting import lint

    if arguments.spec is not None and arguments.spec.partition(":")[0] == "-" and "-" in arguments.files:
        return fail("standard input is the spec or a file, not both", 2)
    out = STDOUT if arguments.fix == "-" else arguments.fix
    try:
        spec = None if arguments.spec is None else _spec(arguments.spec)
        features = None if spec is None else spec.features
        findings = lint(arguments.files, features, compression_type=arguments.compression, fix=out)
    except OSError as error:
        return fail(describe(error), 2)
    except (ValueError, TypeError) as error:
        return fail(f"{arguments.spec}: {error}" if arguments.spec else str(error), 2)
    report = _JsonLines(out) if arguments.json else _Report(out, arguments.quiet)
    code = 0
    with findings:
        found = _all(findings, spec, arguments.spec)
        while True:
            try:
                finding = next(found, None)
            except (OSError, TFRecordError) as error:  # OUT cannot be written, or not with all that is to be in it
                if reader_has_gone(error):
                    raise
                return fail(describe(error), 2)
            if finding is None:
                break
            report.add(finding)
            if finding.severity != "note" and not (finding.is_fixable and out is not None):
                code = 1
    report.end(findings)
    return code


def _all(findings: Lint, spec: Spec | None, name: str | None) -> Iterator[Finding]:
    yield from findings
    if spec is not None:
        from tfrecord_lite.files.file_problems import named_compressions

        yield from named_compressions(spec.compressions, findings.compressions, name)


def _spec(text: str) -> Spec:
    """The spec in a file, FILE or FILE:NAME, or from standard input."""
    from tfrecord_lite.files.streams import open_source, read_whole
    from tfrecord_lite.format.json_spec import json_spec
    from tfrecord_lite.format.python_literals import SpecError
    from tfrecord_lite.format.python_spec import python_spec

    path, name = text, None
    before, _, behind = text.rpartition(":")
    # Only Python has names in it, and a file's own name may have a colon.
    if not os.path.exists(text) and behind.isidentifier() and (before.endswith(".py") or before == "-"):
        path, name = before, behind
    source: bytes = open_source(path, "")[0].readall() if path == "-" else read_whole(path)
    is_python = path.endswith(".py") if path != "-" else not source.removeprefix(BOM_UTF8).lstrip().startswith(b"{")
    if is_python:
        return python_spec(source, name)
    try:
        return json_spec(source.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SpecError("not UTF-8 text") from None


class _Report:
    """Findings for people: those of one kind together."""

    def __init__(self, out: str | None, is_quiet: bool) -> None:
        self._out = out
        self._is_quiet = is_quiet
        self._kinds: dict[tuple[str, str | None], list[Any]] = {}
        self._counts: dict[tuple[str, str | None], int] = {}

    def add(self, finding: Finding) -> None:
        """Remember one, or only count it."""
        kind: tuple[str, str | None] = (finding.rule, finding.feature)
        if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            kind = (finding.rule, None)  # of the features that are too many
        first = self._kinds.setdefault(kind, [])
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if len(first) < _FIRST:
            first.append(finding)

    def end(self, findings: Lint) -> None:
        """Print all."""
        lines = list(self._lines(findings))
        if self._out == STDOUT:
            sys.stderr.writelines(f"{line}\n" for line in lines)  # stdout has the records
        else:
            for line in lines:
                print_line(line)

    def _lines(self, findings: Lint) -> Iterator[str]:
        from tfrecord_lite.errors import counted, printable

        order = sorted(self._kinds.items(), key=lambda item: _SEVERITIES.index(item[1][0].severity))
        for (rule, feature), first in order:
            count = self._counts[rule, feature]
            name = "" if feature is None else f" of feature '{printable(feature)}'"
            fixed = ", fixed" if self._out is not None and first[0].is_fixable else ""
            times = f" {count} times" if count > 1 else ""
            yield f"{first[0].severity}: {rule}{name}{times}{fixed}"
            for finding in first:
                place = f"{finding.place}: " if finding.place else ""
                yield f"  {place}{printable(finding.what)}; TensorFlow {printable(finding.tensorflow)}"
            if count > len(first):
                yield f"  ... {count - len(first)} more"
            yield f"  cure: {printable(first[0].cure)}"
        if self._is_quiet:
            return
        for file in findings.written:
            yield f"written: {file}"
        if self._out is not None:
            yield f"{findings.rewritten} of {counted(findings.records, 'record')} written in the canonical way"
        counts = [sum(self._counts[kind] for kind, first in order if first[0].severity == s) for s in _SEVERITIES]
        found = ", ".join(f"{counted(count, s)}" for count, s in zip(counts, _SEVERITIES, strict=True) if count)
        yield f"{counted(findings.files, 'file')}, {counted(findings.records, 'record')}: {found or 'nothing found'}"


class _JsonLines:
    """Findings for programs: one a line, all of them."""

    def __init__(self, out: str | None) -> None:
        self._out = out

    def add(self, finding: Finding) -> None:
        """Print one."""
        self._print({**finding.as_dict(), "is_fixed": self._out is not None and finding.is_fixable})

    def end(self, findings: Lint) -> None:
        """Print what was looked at, and written."""
        self._print({"looked_at": findings.as_dict()})

    def _print(self, value: dict[str, Any]) -> None:
        if self._out == STDOUT:
            import json

            print(json.dumps(value), file=sys.stderr)  # noqa: T201  stdout has the records
        else:
            print_json(value)
