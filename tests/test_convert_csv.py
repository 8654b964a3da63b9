"""convert: CSV with other separators, files that are GZIP whatever their name, folders without images."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert, csv_cells, csv_rows, inflated
from tfrecord_lite.convert.column_kinds import ColumnKinds
from tfrecord_lite.convert.formats import Rows
from tfrecord_lite.format.feature_schema import FeatureSchema

pytest.importorskip("pyarrow")
import pyarrow as pa


def examples_of(path: Path) -> list[dict[str, object]]:
    """With lists in the place of arrays."""
    return [{name: list(value) for name, value in example.items()} for example in tfr.read_examples(path)]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_separator_is_told_from_the_first_line(separator: str, tmp_path: Path) -> None:
    rows = [["n", "text", '"a,b;c"'], ["1", '"x, y; z"', "1.5"], ["2", '"\ttab"', "2.5"]]
    (tmp_path / "t.csv").write_text("".join(separator.join(row) + "\n" for row in rows))
    convert(tmp_path / "t.csv", tmp_path / "out")
    assert examples_of(tmp_path / "out") == [
        {"n": [1], "text": [b"x, y; z"], "a,b;c": [1.5]},
        {"n": [2], "text": [b"\ttab"], "a,b;c": [2.5]},
    ]


def test_quoted_names_with_separators_in_them_are_not_cut(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        writer.write_example({"a;b\tc": 1})
    convert(tmp_path / "a.tfrecord", tmp_path / "t.csv")
    convert(tmp_path / "t.csv", tmp_path / "out")
    assert examples_of(tmp_path / "out") == [{"a;b\tc": [1]}]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("name", ["n\nm", 'a,b;c\td\n"', '"\n\n"";', "\r\n;\r\n,"])
def test_a_name_may_have_lines_and_separators(name: str, separator: str, tmp_path: Path) -> None:
    quoted = name.replace('"', '""')
    (tmp_path / "t.csv").write_bytes(f'"{quoted}"{separator}c1\n1{separator}2\n'.encode())
    convert(tmp_path / "t.csv", tmp_path / "out")
    assert examples_of(tmp_path / "out") == [{name: [1], "c1": [2]}]


def test_a_quote_within_a_name_is_a_character(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a"b;c\n1;2\n')
    convert(tmp_path / "t.csv", tmp_path / "out")
    assert examples_of(tmp_path / "out") == [{'a"b': [1], "c": [2]}]


def test_a_row_that_goes_does_not_make_one_end_of_a_line_of_two(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a\n1\r\r,x\n\n\r,y\r\n2\n")
    with pytest.raises(tfr.TFRecordError, match="line 4: 2 cells, not 1"):
        convert(tmp_path / "t.csv", tmp_path / "out")
    done = convert(tmp_path / "t.csv", tmp_path / "out", on_error="skip")
    assert [row.number for row in done.skipped] == [2, 5]
    assert [list(example.get("a") or ()) for example in tfr.read_examples(tmp_path / "out")] == [[1], [], [], [], [2]]


@pytest.mark.parametrize("seed", range(8))
def test_rows_are_the_same_however_far_is_looked_behind_a_broken_quote(seed: int, monkeypatch: Any) -> None:
    generator = random.Random(seed)
    for _ in range(40):
        data = "".join(generator.choices(['"', ",", "\n", "\r", "\r\n", "a", "bc", '""', ',"', '"\n'], k=120)).encode()
        found = []
        for look in (1, 5, 64, 1 << 20):
            monkeypatch.setattr(csv_rows, "_BROKEN_BYTES", look)
            unfit: list[Any] = []
            parts = list(csv_rows.sound_rows(io.BytesIO(data), ",", 2, 2, lambda *what: unfit.append(what)))  # noqa: B023
            whole = b"".join(part.data for part in parts)
            numbers, lines = ([n for part in parts for n in getattr(part, of).tolist()] for of in ("numbers", "lines"))
            found.append((whole, numbers, lines, unfit))
        assert all(each == found[0] for each in found)


@pytest.mark.parametrize("row", [b'p,"x"y\n', b'"x,y\n', b'p,"x\ny"z\n'])
def test_what_many_rows_with_a_broken_quote_cost_grows_with_their_number(row: bytes, monkeypatch: Any) -> None:
    """Counted in bytes that are looked at."""
    looked_at = 0
    text = csv_rows._Text

    def counting(data: bytes, *others: Any) -> Any:
        nonlocal looked_at
        looked_at += len(data)
        return text(data, *others)

    monkeypatch.setattr(csv_rows, "_Text", counting)
    costs = []
    unfit: list[int] = []
    for count in (4000, 16_000):
        looked_at = 0
        unfit.clear()
        rows = csv_rows.sound_rows(io.BytesIO(row * count + b"1,2\n"), ",", 2, 2, lambda *what: unfit.append(what[0]))
        assert sum(len(part.numbers) for part in rows) + len(unfit) > count
        assert len(unfit) >= count
        costs.append(looked_at)
    assert costs[1] < 5 * costs[0]


def test_a_name_says_that_a_file_has_tabs_and_such_a_file_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.tsv").write_text("n\ttext\n1\ta,b\n")
    assert main(["convert", str(tmp_path / "t.tsv"), str(tmp_path / "out.tfrecord")]) == 0
    assert examples_of(tmp_path / "out.tfrecord") == [{"n": [1], "text": [b"a,b"]}]
    assert main(["convert", str(tmp_path / "out.tfrecord"), str(tmp_path / "back.tsv")]) == 2
    assert "a CSV is written with commas" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["csv", "jsonl", "tar"])
def test_gzip_is_recognised_by_the_content(end: str, tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        for number in range(50):
            writer.write_example({"n": number})
    assert main(["convert", str(tmp_path / "a.tfrecord"), str(tmp_path / f"t.{end}"), "--compression", "GZIP"]) == 0
    data = (tmp_path / f"t.{end}").read_bytes()
    assert gzip.decompress(data)
    convert(tmp_path / f"t.{end}", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "a.tfrecord").read_bytes()
    (tmp_path / f"cut.{end}").write_bytes(data[:-12])
    with pytest.raises(tfr.TFRecordError, match=f"/cut.{end}: "):
        convert(tmp_path / f"cut.{end}", tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_folder_without_images_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    assert main(["convert", str(tmp_path / "photos"), str(tmp_path / "out"), "--from", "images"]) == 1
    assert "photos: there is no image in it\n" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["photos"]


def rows_of(path: Path) -> list[dict[str, object]]:
    return [
        {
            name: value if isinstance(value, list) else value.tolist()
            for name, value in each.items()
            if value is not None
        }
        for each in tfr.read_examples(path)
    ]


TEXTS = tfr.Schema([FeatureSchema("a", "int64", ()), FeatureSchema("b", "bytes", ())])
#: (rows, line that is named, why, numbers of the rows that are left out, a of those that stay)
BROKEN: dict[str, tuple[bytes, int, str, list[int], list[int]]] = {
    "open to the end": (b'1,x\n2,"y\n3,z\n4,w\n', 3, "not closed", [1], [1, 3, 4]),
    "open at the end": (b'1,x\n2,"', 3, "not closed", [1], [1]),
    "open behind a doubled one": (b'1,x\n2,"y""\n3,z\n', 3, "not closed", [1], [1, 3]),
    "closed by the next that opens": (b'1,"x\n2,"y"\n3,"z"\n', 2, "in the middle", [0], [2, 3]),
    "text behind it": (b'1,"x"y\n2,"z"\n', 2, "in the middle", [0], [2]),
    "behind lines in quotes": (b'1,"x\n\ny"\n\n2,"z\n3,w\n', 6, "not closed", [1], [1, 3]),
    "in the second line of a row": (b'1,"x\ny"z\n2,w\n', 2, "in the middle", [0, 1], [2]),
    "not UTF-8": (b'1,"x"\n2,"\xff"\n3,\xc3\n4,"\xc3\xa9"\n', 3, "not UTF-8", [1, 2], [1, 4]),
    "cells": (b'1,"x,y"\n2\n3,x,y\n4,"z\n"\n', 3, "1 cells, not 2", [1, 2], [1, 4]),
}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_row_that_is_none_is_named_by_its_line_or_left_out(name: str, end: bytes, tmp_path: Path) -> None:
    rows, line, why, skipped, kept = BROKEN[name]
    (tmp_path / "t.csv").write_bytes((b"a,b\n" + rows).replace(b"\n", end))
    for schema in (None, TEXTS):
        with pytest.raises(tfr.TFRecordError, match=f"t.csv: line {line}: .*{why}"):
            convert(tmp_path / "t.csv", tmp_path / "no", schema=schema)
        assert not (tmp_path / "no").exists()
        done = convert(tmp_path / "t.csv", tmp_path / "out", schema=schema, on_error="skip")
        assert [row.number for row in done.skipped] == skipped
        assert done.skipped[0].reason.startswith(f"line {line}: ")
        assert [row["a"] for row in rows_of(tmp_path / "out")] == [[number] for number in kept]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("buffer", [1, 3, 8, 100])
def test_names_end_as_lines_do(
    separator: str, end: str, buffer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflated, "_BUFFER_BYTES", buffer)
    rows = ["\ufeffa", '"b\nc, d;"', "e"], ["1", '"x\ny"', "2"], ["3", '""', "x"]
    text = "".join(separator.join(row) + "\n" for row in rows).replace("\n", end)
    (tmp_path / "t.csv").write_bytes(text.encode())
    name = f"b{end}c, d;"
    schema = tfr.Schema([FeatureSchema("a", "int64", ()), FeatureSchema(name, "bytes", ())])
    convert(tmp_path / "t.csv", tmp_path / "out", schema=schema)
    assert rows_of(tmp_path / "out") == [{"a": [1], name: [f"x{end}y".encode()]}, {"a": [3], name: [b""]}]
    with pytest.raises(tfr.FeatureError, match=r"t\.csv: line 5: feature 'e': is no int64"):
        convert(tmp_path / "t.csv", tmp_path / "no", schema=tfr.Schema([FeatureSchema("e", "int64", ())]))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("a,b\n1,2\n".encode("utf-16"), 1),
        (b'a,"b\nc\xe9"\n1,2\n', 2),
        (b'a,"b\rc\xe9"\r1,2\r', 2),
    ],
)
def test_names_that_are_not_utf8_are_said_to_be_so(data: bytes, line: int, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(tfr.TFRecordError, match=f"t.csv: line {line}: not UTF-8, as a CSV has to be$"):
        convert(tmp_path / "t.csv", tmp_path / "out")


def test_quotes_within_a_cell_are_characters(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1,5" disk\n2,"say ""x"""\n3,"""q"""\n4,""\n5,"\n""\n"\n')
    convert(tmp_path / "t.csv", tmp_path / "out")
    found = [row["b"] for row in rows_of(tmp_path / "out")]
    assert found == [[b'5" disk'], [b'say "x"'], [b'"q"'], [b""], [b'\n"\n']]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_rows_are_the_same_however_the_file_is_cut(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(chunk)
    pieces = ["1", "x", '"y"', '"y""\r\nz"', '5"', '"open', '"y"z', "", "\u00e9", '"', '""', '"\n"']
    for _ in range(300):
        ends = ["\n", "\r\n", "\r"]
        rows = [",".join(generator.choices(pieces, k=generator.choice([1, 2, 2, 2, 2]))) for _ in range(5)]
        text = "".join(row + generator.choice(ends) for row in rows).encode()
        found = []
        for size in (chunk, 1 << 20):
            monkeypatch.setattr(csv_rows, "_CHUNK_BYTES", size)
            told: list[object] = []
            parts = list(csv_rows.sound_rows(io.BytesIO(text), ",", 2, 2, lambda *why, told=told: told.append(why)))
            numbers = [number for part in parts for number in part.numbers.tolist()]
            found.append((b"".join(part.data for part in parts), numbers, told))
        assert found[0] == found[1], text
        data, numbers, told = found[0]
        cells = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
        assert [len(row) for row in cells if row] == [2] * len(numbers), text
        assert sorted([*numbers, *(why[0] for why in told)]) == list(range(len(numbers) + len(told))), text  # type: ignore[index]


def test_rows_behind_long_cells_and_blank_lines_are_named_by_the_lines_in_which_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "_CHUNK_BYTES", 30)
    text = 'i,"t\nu"\n1,"two\nlines"\n\nx,"three\n\nlines"\n2\n3,c\ny,d\n'
    (tmp_path / "t.csv").write_text(text)
    schema = tfr.Schema([FeatureSchema("i", "int64", ()), FeatureSchema("t\nu", "bytes", ())])
    done = convert(tmp_path / "t.csv", tmp_path / "out", schema=schema, on_error="skip")
    assert sorted((row.number or 0, row.reason.partition(": ")[0]) for row in done.skipped) == [
        *((1, "line 6"), (2, "line 9"), (4, "line 11"))
    ]
    assert [text.split("\n")[line - 1][:2] for line in (6, 9, 11)] == ["x,", "2", "y,"]


def test_a_row_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "ROW_LIMIT", 1000)
    monkeypatch.setattr(csv_rows, "_CHUNK_BYTES", 100)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3," + "x" * 2000 + "\n")
    with pytest.raises(tfr.TFRecordError, match=r"line 3: a row of more than 1000 bytes"):
        convert(tmp_path / "t.csv", tmp_path / "out", on_error="skip")
    (tmp_path / "t.csv").write_text('a,b\n1,"2\n' + "3,4\n" * 500)
    assert convert(tmp_path / "t.csv", tmp_path / "out", on_error="skip").records == 500


def test_lists_come_back_as_lists_without_a_schema(tmp_path: Path) -> None:
    examples = [
        {"i": [1, 2], "f": [0.5, 2.0], "b": ["a", b"\xff"], "p": [1, 2], "e": np.array([], np.int64)},
        {"i": np.array([], np.int64), "f": [float("nan")], "b": np.array([], object), "p": [3, 4], "e": None},
        {"i": [2**63 - 1], "f": [1e30, 3.0], "b": ["[1]"], "p": [5, 6], "e": np.array([], np.int64)},
    ]
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        for example in examples:
            writer.write_example(example)
    convert(tmp_path / "a.tfrecord", tmp_path / "a.csv")
    done = convert(tmp_path / "a.csv", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a.tfrecord").read_bytes()
    assert done.notes == ()


def test_lists_of_integers_and_of_floats_are_one_column_and_foreign_lists_lists(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('x,y,z\n"[1, 2]",[],[1]\n[1.5],"[3]",a\n,"[4,5]",\n')
    convert(tmp_path / "t.csv", tmp_path / "out")
    assert rows_of(tmp_path / "out") == [
        {"x": [1.0, 2.0], "y": [], "z": [b"[1]"]},
        {"x": [1.5], "y": [3], "z": [b"a"]},
        {"y": [4, 5]},
    ]


def test_a_column_that_becomes_text_for_a_few_cells_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text("n,big,text,ok\n1,5,a,1\n2,9223372036854775808,7,2.5\nx,7,b,3\n4,8,c,4\n")
    assert main(["convert", str(tmp_path / "t.csv"), str(tmp_path / "out")]) == 0
    told = capsys.readouterr().err
    assert f"{tmp_path}/t.csv, line 4: 'n' is not what most of its column are: the column becomes text" in told
    assert f"{tmp_path}/t.csv, line 3: 'big' is an integer outside int64: the column becomes text" in told
    assert "'text'" not in told
    assert "'ok'" not in told
    assert rows_of(tmp_path / "out")[1] == {"n": [b"2"], "big": [b"9223372036854775808"], "text": [b"7"], "ok": [2.5]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_before_a_quoted_name_is_no_part_of_it(end: str, tmp_path: Path) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out.tfrecord"
    table.write_bytes(f'\ufeff"x,y","c"{end}65,24{end}'.encode())
    assert main(["convert", str(table), str(out)]) == 0
    assert [tfr.decode_example(record) for record in tfr.read_records(out)] == [{"x,y": [65], "c": [24]}]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_an_empty_cell_behind_a_quoted_one_is_missing_at_the_end_of_a_file_too(end: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(f'a,b\n"u",1\n"v",{end}'.encode())
    for schema in (None, tfr.Schema([FeatureSchema("a", "bytes", ()), FeatureSchema("b", "int64", ())])):
        convert(tmp_path / "t.csv", tmp_path / "out", schema=schema)
        assert rows_of(tmp_path / "out") == [{"a": [b"u"], "b": [1]}, {"a": [b"v"]}]


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_what_was_written_however_the_file_ends(seed: int, columns: int, tmp_path: Path) -> None:
    generator = random.Random(seed)
    cells: list[tuple[str, bytes | None]] = [
        *(("", None), ('""', b""), ("x", b"x"), ('"y"', b"y"), ('5"', b'5"'), ('"""\r\n"', b'"\r\n')),
        *(('"a,\nb"', b"a,\nb"), ('"\r"', b"\r")),
    ]
    names = [f"c{number}" for number in range(columns)]
    schema = tfr.Schema([FeatureSchema(name, "bytes", ()) for name in names])
    for _ in range(40):
        ends = generator.choice([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"]])
        written = [generator.choices(cells, k=columns) for _ in range(generator.randrange(4))]
        rows = [",".join(names), *(",".join(text for text, _ in row) for row in written)]
        is_open = generator.random() < 0.3
        rows += ['"open,x'] if is_open else []
        text = "".join(row + generator.choice(ends) for row in rows[:-1]) + rows[-1]
        text += generator.choice(["", *ends]) if rows[-1] else generator.choice(ends)
        (tmp_path / "t.csv").write_bytes(text.encode())
        done = convert(tmp_path / "t.csv", tmp_path / "out", schema=schema, on_error="skip")
        found = [[(example[name] or [None])[0] for name in names] for example in tfr.read_examples(tmp_path / "out")]
        assert found == [[value for _, value in row] for row in written], text
        assert len(done.skipped) == is_open, text


#: Characters of numbers, and of what some parsers take for them.
CELLS = st.one_of(
    st.text("0123456789.-eE", min_size=1, max_size=6),
    st.text("0123456789+-.eExXfnaifty_() ", max_size=8),
    st.integers(-(2**70), 2**70).map(str),
    st.integers(0, 2**64).map(hex),
    st.floats().map(str),
    st.sampled_from(
        ["NaN", "-nan", "nan(5)", "Inf", "-Infinity", "+inf", "infin", "1_000", " 5", "5\n", "\u0663", "true"]
    ),
)


@given(text=CELLS)
@example(text="0xffffffffffffffff")
@example(text="nan(5)")
@settings(max_examples=500, deadline=None)
def test_a_cell_is_a_number_with_a_schema_where_it_is_one_without(text: str) -> None:
    """But for digits that without a schema are a text, since they begin with a zero or are outside int64."""
    cells = pa.array([text.encode()])
    kinds = ColumnKinds()
    kinds.add(Rows("t.csv", 0, 1, None), {("x", False): csv_cells.found_in_cells(cells)})
    inferred = kinds.judged()[0]["x"].dtype
    is_whole = re.fullmatch("-?[0-9]+", text) is not None
    taken = {}
    for dtype in ("int64", "float32"):
        try:
            taken[dtype] = csv_cells.column_of(cells, FeatureSchema("x", dtype, ())).values.tolist()
        except tfr.FeatureError as error:
            taken[dtype] = error.reason
    is_within = is_whole and -(2**63) <= int(text) < 2**63
    assert taken["int64"] == ([int(text)] if is_within else "is no int64")
    assert inferred != "int64" or is_within
    if inferred == "bytes" and not is_whole:
        assert taken["float32"] == "is no float32"
        return
    with np.errstate(over="ignore"):
        expected = np.float32(text)
    if np.isinf(expected) and any(map(str.isdigit, text)):
        assert "beyond float32" in taken["float32"]
    else:
        np.testing.assert_allclose(taken["float32"], [expected], rtol=1e-6)


def test_a_cell_that_is_no_number_is_named_or_its_row_left_out(tmp_path: Path) -> None:
    rows = [
        "007,1",
        "0xffffffffffffffff,2",
        "3,nan(5)",
        "4,NaN",
        "-5,-Infinity",
        "+6,6",
        "7,+7.5",
        '"",8',
        '9," 9"',
        ",1e5",
    ]
    (tmp_path / "t.csv").write_text("\n".join(["i,f", *rows]) + "\n")
    schema = tfr.Schema([FeatureSchema("i", "int64", ()), FeatureSchema("f", "float32", ())])
    with pytest.raises(tfr.FeatureError, match=r"t\.csv: line 3: feature 'i': is no int64$"):
        convert(tmp_path / "t.csv", tmp_path / "no", schema=schema)
    done = convert(tmp_path / "t.csv", tmp_path / "out", schema=schema, on_error="skip")
    integers, floats = "feature 'i': is no int64", "feature 'f': is no float32"
    reasons = {3: integers, 4: floats, 7: integers, 8: floats, 9: integers, 10: floats}
    assert [row.reason for row in done.skipped] == [f"line {line}: {why}" for line, why in reasons.items()]
    nan, inf = float("nan"), float("inf")
    np.testing.assert_equal(
        rows_of(tmp_path / "out"),
        [{"i": [7], "f": [1.0]}, {"i": [4], "f": [nan]}, {"i": [-5], "f": [-inf]}, {"f": [1e5]}],
    )
    (tmp_path / "t.csv").write_text("i,f\n1,2\n3,NaN\n4,-Infinity\n,INF\n")
    convert(tmp_path / "t.csv", tmp_path / "out", schema=schema)
    convert(tmp_path / "t.csv", tmp_path / "inferred")
    assert (tmp_path / "inferred").read_bytes() == (tmp_path / "out").read_bytes()
