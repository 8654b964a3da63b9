"""The rows of a CSV, held against what a CSV is, before their cells are anybody's.

    a file behind its first line  ->  Part(data, numbers, lines), ...: whole rows that are sound, megabytes at a time;
                                      the last one with an end of its line, which the file may lack

    quotes      one opens at the beginning of a cell only (elsewhere it is a character as others are); the next that is
                not doubled closes it, and behind that comes a separator or the end of the line
    cells       as many as there are names; a blank line is no row, unless there is one name
    encoding    UTF-8

What is wrong is an error that names the line, or it is left out and told: of quotes the line in which the quote was
opened, from the beginning of its row (what follows is read from the next line on), otherwise the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import TFRecordError

Array = NDArray[Any]

#: A row has to fit.
ROW_LIMIT = 16 << 20
NOT_UTF8 = "not UTF-8, as a CSV has to be"
_CHUNK_BYTES = 4 << 20
#: Behind a broken quote, where there may be more of them, the first look goes so far, and each after it twice as far.
_BROKEN_BYTES = 4 << 10
_QUOTE, _NEW_LINE, _RETURN = b'"\n\r'

#: Called with the number of a row in the file, that of its line, and what is wrong.
Unfit = Callable[[int, int, str], object]


class Part(NamedTuple):
    """Rows that are sound.

    Attributes:
        data: they themselves.
        numbers: of each in the file, int64 [n].
        lines: of the line in which each begins, from 1 on, int64 [n].
    """

    data: bytes
    numbers: Array
    lines: Array


def sound_rows(file: Any, separator: str, cells: int, line: int, unfit: Unfit) -> Iterator[Part]:
    """The rows of a file.

    Args:
        file: binary, behind its first line.
        separator: of cells.
        cells: how many a row has.
        line: number of the line that comes next, from 1 on.
        unfit: told of a row that is not sound, which is left out if this returns.

    Raises:
        TFRecordError: a row is longer than ROW_LIMIT.
    """
    rest, at, row, is_end = b"", 0, 0, False
    window = ROW_LIMIT + _CHUNK_BYTES  # so many bytes are looked at: all of them, until a quote is broken
    while not is_end:
        chunk = file.read(_CHUNK_BYTES)
        is_end = not chunk
        rest, at = rest[at:] + chunk, 0
        if is_end and rest and rest[-1] not in (_NEW_LINE, _RETURN):
            rest += b"\n"  # without it pyarrow takes the last cell for quoted if the one before is, so for a text
        while at < len(rest):
            is_all = at + window >= len(rest)
            text = _Text(rest[at : at + window], separator, is_end and is_all)
            rows = _Rows(text, line, row, cells)
            yield from rows.sound(unfit)
            line, row, at = line + rows.lines, row + rows.count, at + rows.end
            is_too_long = is_all and len(rest) - at > ROW_LIMIT
            broken = text.broken_quote(is_too_long)
            if broken is not None:
                opened, why = broken
                at_line = line + text.lines_between(rows.end, opened)
                end = text.end_of_line(opened)
                if end is not None:
                    unfit(row, at_line, why)
                    line, row, at = at_line + 1, row + 1, at + end - rows.end
                    window = _BROKEN_BYTES
                    continue
            if not is_all:
                window *= 2
                continue
            if is_too_long:
                raise TFRecordError(f"line {line}: a row of more than {ROW_LIMIT} bytes")
            break


class _Text:
    """Bytes that begin with a row, and at the end of a file end with a line: where its lines end, and its quotes."""

    def __init__(self, data: bytes, separator: str, is_end: bool) -> None:
        self.data = data
        self.is_end = is_end
        self.bytes = np.frombuffer(data, np.uint8)
        self.separator = ord(separator)
        ends = self.bytes == _NEW_LINE
        returns = np.flatnonzero(self.bytes == _RETURN)
        if returns.size:  # one that stands alone ends a line, too
            last = returns == len(data) - 1
            following = self.bytes[np.minimum(returns + 1, len(data) - 1)]
            ends[returns[np.where(last, is_end, following != _NEW_LINE)]] = True
        self.line_ends = np.flatnonzero(ends) + 1
        self._opened: int | None = None
        self._is_garbled = False
        self.quotes = self._quotes()

    def is_outside(self, positions: Array) -> Array:
        """Of each position whether it is outside of quotes."""
        return np.asarray(np.searchsorted(self.quotes, positions) % 2 == 0)

    def lines_between(self, begin: int, end: int) -> int:
        """How many lines end there."""
        first, last = np.searchsorted(self.line_ends, [begin, end], "right")
        return int(last - first)

    def end_of_line(self, position: int) -> int | None:
        """Where the line ends in which this is; None when that is not known yet."""
        at = int(np.searchsorted(self.line_ends, position, "right"))
        return int(self.line_ends[at]) if at < len(self.line_ends) else None

    @property
    def settled(self) -> int:
        """Up to where it is known what is in quotes."""
        return len(self.data) if self._opened is None else self._opened

    def broken_quote(self, is_too_long: bool) -> tuple[int, str] | None:
        """(position, what is wrong) of a quote, behind all whole rows; None if there is nothing wrong so far."""
        if self._opened is None:
            return None
        if self._is_garbled:
            return self._opened, "a quote is opened that is closed in the middle of a cell"
        if self.is_end or is_too_long:
            return self._opened, "a quote is opened that is not closed"
        return None

    def _quotes(self) -> Array:
        """Positions of quotes that open and close by turns; those that are doubled may be among them."""
        quotes = np.flatnonzero(self.bytes == _QUOTE)
        if not quotes.size:
            return quotes
        is_border = np.zeros(256, bool)
        is_border[[self.separator, _NEW_LINE, _RETURN, _QUOTE]] = True
        opening, closing = quotes[::2], quotes[1::2]
        before = self.bytes[np.maximum(opening - 1, 0)]
        behind = self.bytes[np.minimum(closing + 1, len(self.data) - 1)]
        are_plain = is_border[before] | (opening == 0)
        if not (are_plain.all() and is_border[behind].all()):
            return self._lexed()
        if len(opening) > len(closing):
            last = len(quotes) - 1
            while last and quotes[last] - quotes[last - 1] == 1:  # a doubled one
                last -= 2
            self._opened = int(quotes[last])
        return quotes

    def _lexed(self) -> Array:
        """The same one by one, up to one that is not closed, or not as it should be."""
        data, borders = self.data, (self.separator, _NEW_LINE, _RETURN)
        opening = re.compile(b"(?:\\A|(?<=[\r\n" + re.escape(bytes((self.separator,))) + b']))"')
        quotes: list[int] = []
        found = opening.search(data)
        while found is not None:
            opened = found.end() - 1
            closed = data.find(b'"', opened + 1)
            while closed >= 0 and data[closed + 1 : closed + 2] == b'"':
                closed = data.find(b'"', closed + 2)
            is_last = closed == len(data) - 1
            if closed < 0 or is_last or data[closed + 1] not in borders:
                self._opened, self._is_garbled = opened, closed >= 0 and not is_last
                quotes.append(opened)
                break
            quotes += [opened, closed]
            found = opening.search(data, closed + 1)
        return np.array(quotes, np.int64)


class _Rows:
    """The rows that are whole in a text.

    Attributes:
        end: of the last one.
        count: how many there are, blank lines not among them.
        lines: that end in them.
    """

    def __init__(self, text: _Text, line: int, row: int, cells: int) -> None:
        self._text, self._cells = text, cells
        ends = text.line_ends[text.line_ends <= text.settled]
        ends = ends[text.is_outside(ends - 1)]
        self._ends, self._starts = ends, np.append(0, ends)[:-1]
        self.end = int(ends[-1]) if ends.size else 0
        before = np.searchsorted(text.line_ends, self._starts, "right")
        self._lines = line + before
        self.lines = int(np.searchsorted(text.line_ends, self.end, "right"))
        is_row = np.ones(len(ends), bool)
        if cells > 1:
            first = text.bytes[self._starts]
            is_row = ~((first == _NEW_LINE) | (first == _RETURN))
        self._is_row = is_row
        self._numbers = row + np.cumsum(is_row) - is_row
        self.count = int(is_row.sum())

    def sound(self, unfit: Unfit) -> Iterator[Part]:
        """Those that are sound; `unfit` is told of the others."""
        if not len(self._ends):
            return
        unsound = self._of_other_sizes() | self._not_utf8()
        for at in sorted(unsound):
            unfit(int(self._numbers[at]), int(self._lines[at]), unsound[at])
        keeps = self._is_row.copy()
        keeps[list(unsound)] = False
        data, rows = self._text.data[: self.end], np.flatnonzero(keeps)
        if len(rows) == len(keeps):
            yield Part(data, self._numbers, self._lines)
            return
        # A CR and the LF of a blank line, between which a row has gone, would be one end of a line.
        ends, starts = self._ends[rows], self._starts[rows]
        meet = (self._text.bytes[ends[:-1] - 1] == _RETURN) & (self._text.bytes[starts[1:]] == _NEW_LINE)
        for some in np.split(rows, np.flatnonzero(meet) + 1) if len(rows) else ():
            spans = zip(self._starts[some].tolist(), self._ends[some].tolist(), strict=True)
            yield Part(b"".join(data[begin:end] for begin, end in spans), self._numbers[some], self._lines[some])

    def _of_other_sizes(self) -> dict[int, str]:
        text = self._text
        separators = np.flatnonzero(text.bytes[: self.end] == text.separator)
        separators = separators[text.is_outside(separators)]
        counts = np.diff(np.searchsorted(separators, np.append(self._starts, self.end))) + 1
        wrong = np.flatnonzero((counts != self._cells) & self._is_row).tolist()
        return {at: f"{counts[at]} cells, not {self._cells}" for at in wrong}

    def _not_utf8(self) -> dict[int, str]:
        found: dict[int, str] = {}
        begin, view = 0, memoryview(self._text.data)
        while begin < self.end:
            try:
                str(view[begin : self.end], "utf-8")
            except UnicodeDecodeError as error:
                at = int(np.searchsorted(self._ends, begin + error.start, "right"))
                found[at] = NOT_UTF8
                begin = int(self._ends[at])
            else:
                break
        return found
