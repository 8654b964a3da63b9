"""What columns hold, where rows do not say it once for all of them: judged by all rows of all files.

    each row says of what kind its values are (JSON Lines, WebDataset)    `unified`
        integers, and floats in other rows                float32; an empty list that says its kind keeps it
        numbers, and texts in other rows                  refused: no parser takes both; or, where bad rows are left
                                                          out, what most rows hold, and the others are bad
    a cell is text that may be a number (CSV)                            `judged`
        integers of int64                                 int64
        integers and other numbers                        float32
        lists in JSON, of one kind or of both numbers     that kind, any number of values
        anything else, integers outside int64 also        bytes; a note says so where most cells are numbers

An integer that float32 does not hold is refused in a column of floats: a schema says whether it is to be rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tfrecord_lite.convert.formats import Rows
from tfrecord_lite.errors import FeatureError, printable
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.json_kinds import INEXACT, Column
from tfrecord_lite.format.schema import Schema

#: What cells of a CSV are beside the kinds: integers outside int64; and, of cells that are lists, the same with this.
OUTSIDE, LIST = "outside", "list "

#: {column: {what: (number of the first row in a part in which it is so, in how many)}}
Found = dict[Column, dict[str, tuple[int, int]]]

_CURE = "a schema (--schema) says what it is to be"


class _Met(NamedTuple):
    """Where something was met first, and in how many rows."""

    path: str
    row: int
    line: int | None
    times: int

    @property
    def place(self) -> str:
        return f"{self.path}, " + (f"record #{self.row}" if self.line is None else f"line {self.line}")


def found_in(rows: Iterable[Iterable[tuple[Column, Iterable[str]]]]) -> Found:
    """What is met in the rows of a part, of each of which (column, what is met there) are given."""
    found: Found = {}
    for number, row in enumerate(rows):
        for column, whats in row:
            met = found.setdefault(column, {})
            for what in whats:
                first, count = met.get(what, (number, 0))
                met[what] = first, count + 1
    return found


class ColumnKinds:
    """Collects what is met in the columns of all files."""

    def __init__(self) -> None:
        self._met: dict[Column, dict[str, _Met]] = {}

    def add(self, rows: Rows, found: Found) -> None:
        """What was found in a part."""
        for column, whats in found.items():
            met = self._met.setdefault(column, {})
            for what, (number, count) in whats.items():
                if what in met:
                    met[what] = met[what]._replace(times=met[what].times + count)
                else:
                    line = None if rows.lines is None else rows.lines[number]
                    met[what] = _Met(rows.path, rows.number_of(number), line, count)

    def unified(self, *, skips: bool = False) -> Schema:
        """Of rows that say their kinds: float32 where both numbers are met; otherwise none, which is as each row says.

        With `skips` a column of numbers and texts is what most rows hold, of two equal numbers what was met first.

        Raises:
            FeatureError: numbers and texts, or floats and an integer that float32 does not hold, in one column.
        """
        dtypes: dict[Column, str | None] = {}
        for column, met in self._met.items():
            numbers = [met[kind] for kind in ("int64", "float32") if kind in met]
            if "bytes" in met and numbers and skips:
                dtypes[column] = _most_frequent(met)
                if dtypes[column] == "bytes":
                    continue
            elif "bytes" in met and numbers:
                first, second = sorted([("bytes", met["bytes"]), *_numbers(met)], key=lambda each: _order(each[1]))[:2]
                raise _refused(column, second[1], f"is {second[0]}, and {first[0]} in {printable(first[1].place)}")
            else:
                dtypes[column] = "float32" if len(numbers) == 2 else None
            if "float32" in met:
                _check_exact(column, met)
        features = [FeatureSchema(name, dtype, None) for (name, is_list), dtype in dtypes.items() if not is_list]
        steps = [FeatureSchema(name, dtype, None) for (name, is_list), dtype in dtypes.items() if is_list]
        return Schema(features, feature_lists=map(FeatureListSchema, steps))

    def check_same(self) -> None:
        """Of rows that are records already: they had to be of one kind.

        Raises:
            FeatureError: as `unified`, or integers and floats were met in one column.
        """
        self.unified()
        for column, met in self._met.items():
            numbers = sorted(_numbers(met), key=lambda each: _order(each[1]))
            if len(numbers) == 2:
                (kind, first), (other, second) = numbers
                raise _refused(column, second, f"is {other}, and {kind} in {printable(first.place)}")

    def judged(self) -> tuple[Schema, list[str]]:
        """Of cells that are text: what they are, and what is to be said of it.

        Raises:
            FeatureError: floats and an integer that float32 does not hold in one column.
        """
        features: list[FeatureSchema] = []
        notes: list[str] = []
        for column, met in self._met.items():
            dtype, shape = _judged(column, met)
            if dtype == "bytes" and shape == ():
                notes += _notes(column[0], met)
            features.append(FeatureSchema(column[0], dtype, shape))
        return Schema(features), notes


def check_written(kinds: Iterable[tuple[Column, str]]) -> None:
    """Raise a FeatureError about a column of several kinds, of which `unified` would make one, or none."""
    met: dict[Column, set[str]] = {}
    for column, kind in kinds:
        met.setdefault(column, set()).add(kind)
    for column, several in met.items():
        if len(several) > 1:
            cure = "a schema (--schema) leaves the feature out, `tfrecord-lite cat` prints it"
            found = ", ".join(sorted(several))
            raise FeatureError(f"met in several kinds, which do not come back from it: {found}: {cure}", column[0])


def _judged(column: Column, met: Mapping[str, _Met]) -> tuple[str | None, tuple[int, ...] | None]:
    """The dtype and the shape of a column of cells in which this was met."""
    lists = {what.removeprefix(LIST): where for what, where in met.items() if what.startswith(LIST)}
    found = lists or met
    kinds = found.keys() - {"", INEXACT}
    if not met:
        return None, ()
    if len(lists) < len(met) and lists:
        return "bytes", ()
    if kinds and kinds <= {"int64", "float32"}:
        if "float32" in kinds:
            _check_exact(column, found)
        return "float32" if "float32" in kinds else "int64", None if lists else ()
    return "bytes", None if lists and kinds == {"bytes"} else ()


def _numbers(met: Mapping[str, _Met]) -> list[tuple[str, _Met]]:
    return [(kind, met[kind]) for kind in ("int64", "float32") if kind in met]


def _most_frequent(met: Mapping[str, _Met]) -> str:
    """What a column becomes that holds numbers and texts."""
    texts, numbers = met["bytes"], [where for _, where in _numbers(met)]
    count, first = sum(where.times for where in numbers), min(map(_order, numbers))
    if texts.times > count or (texts.times == count and _order(texts) < first):
        return "bytes"
    return "float32" if "float32" in met else "int64"


def _order(met: _Met) -> tuple[str, int]:
    return met.path, met.row


def _notes(name: str, met: Mapping[str, _Met]) -> Iterator[str]:
    """That a column becomes text of which most cells are something else."""
    cells = {what: where for what, where in met.items() if what in ("int64", "float32", "bytes", OUTSIDE)}
    if not cells:
        odd, why = met[LIST], "holds lists of several kinds, or of none"
    elif OUTSIDE in cells and "bytes" not in cells and LIST not in met:
        odd, why = cells[OUTSIDE], "is an integer outside int64"
    else:
        odd, why = cells.get("bytes") or min(cells.values(), key=_order), "is not what most of its column are"
        lists = met[LIST].times if LIST in met else 0
        if 2 * odd.times >= sum(where.times for where in cells.values()) + lists:
            return
    yield f"{printable(odd.place)}: '{printable(name)}' {why}: the column becomes text; {_CURE}"


def _check_exact(column: Column, met: Mapping[str, _Met]) -> None:
    if INEXACT in met:
        floats = printable(met["float32"].place)
        raise _refused(column, met[INEXACT], f"is an integer that float32 does not hold, and a float in {floats}")


def _refused(column: Column, where: _Met, reason: str) -> FeatureError:
    error = FeatureError(f"{reason}: {_CURE}", column[0])
    if where.line is not None:
        error = FeatureError(f"line {where.line}: {error}")
    else:
        error.record_number = where.row
    error.path = where.path
    return error
