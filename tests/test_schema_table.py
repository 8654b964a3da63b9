"""A Schema as a table: what stands in each cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.infer import SchemaSketch
from tfrecord_lite.format.schema_table import HEADINGS, feature_rows, html_table, list_rows, table


def row(*values: Any) -> tuple[str, ...]:
    """The row of a feature that held these values; ... is a record without it."""
    sketch = SchemaSketch()
    for value in values:
        sketch.add({} if value is ... else {"k": value})
    (found,) = feature_rows(sketch.schema().values())
    assert found[0] == "k"
    return found[1:]


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([ints(1), ints(5)], ("int64", "[]", "2", "", "1 to 5", "")),
        ([ints(5), ints(5)], ("int64", "[]", "2", "", "5", "")),
        ([ints(1, 2), ints(3, 4)], ("int64", "[2]", "2", "", "1 to 4", "")),
        ([ints(1), ints(2, 3)], ("int64", "[1 to 2]", "2", "", "1 to 3", "")),
        ([ints(), ints()], ("int64", "[0]", "2", "", "", "")),
        ([floats(0.1), floats(1)], ("float32", "[]", "2", "", "0.1 to 1.0", "")),
        ([floats(np.nan), floats(np.inf)], ("float32", "[]", "2", "", "2 NaN or infinite", "")),
        ([floats(1), floats(np.nan)], ("float32", "[]", "2", "", "1.0, 1 NaN or infinite", "")),
        ([[b"a"], [b"bcd"]], ("bytes", "[]", "2", "", "1 to 3 bytes", "UTF-8")),
        ([[b"\x89PNG\r\n\x1a\n" + bytes(9)]], ("bytes", "[]", "1", "", "17 bytes", "PNG")),
        ([ints(1), ..., None, None], ("int64", "[]", "1", "1 absent, 2 kindless", "1", "")),
        ([None, ...], ("no kind", "", "", "1 absent, 1 kindless", "", "")),
    ],
)
def test_what_was_seen_of_a_feature_is_in_its_row(values: list[Any], expected: tuple[str, ...]) -> None:
    assert row(*values) == expected


def test_a_feature_of_two_kinds_has_a_row_for_each() -> None:
    sketch = SchemaSketch()
    sketch.add({"k": ints(1)})
    sketch.add({"k": [b"x"]})
    assert [found[:4] for found in feature_rows(sketch.schema().values())] == [
        ("k", "bytes (mixed)", "[1]", "1"),
        ("k", "int64 (mixed)", "[1]", "1"),
    ]


def test_a_feature_by_hand_has_what_was_declared() -> None:
    schema = tfr.Schema.from_json(
        '{"features": {"": {"dtype": "int64", "shape": [2]}, "\\u001b": {"dtype": "bytes", "shape": null}}}'
    )
    assert feature_rows(schema.values()) == [
        ("(no name)", "int64", "[2]", "", "", "", ""),
        ("\\x1b", "bytes", "any", "", "", "", ""),
    ]


def test_lists_say_how_many_steps_there_are() -> None:
    sketch = SchemaSketch()
    for steps in ([ints(1), None], [ints(2)]):
        sketch.add({})
        sketch.add_lists({"l": steps})
    sketch.add({})
    (found,) = list_rows(sketch.schema().feature_lists.values())
    assert found == ("l", "int64", "[]", "1 to 2", "2", "1 absent, steps: 1 kindless", "1 to 2", "")
    assert isinstance(sketch.schema().feature_lists["l"], FeatureListSchema)


def test_columns_are_as_wide_as_what_is_in_them_but_for_very_long_names() -> None:
    assert table(("a", "bb"), [("ccc", "d"), ("e", "")]) == ["a    bb", "ccc  d", "e"]
    lines = table(("a", "b"), [("x" * 200, "1"), ("y", "2")])
    assert lines[1] == f"{'x' * 200}  1"
    assert lines[2].index("2") == 62


def test_names_from_data_are_text_in_html() -> None:
    page = html_table("c", HEADINGS[:1], [("<script>",)])
    assert "<script>" not in page
    assert "<td>&lt;script&gt;</td>" in page
