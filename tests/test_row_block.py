"""RowBlock: examples that come one by one are encoded together as each would be by itself, or declined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interrupt import Interrupt

import tfrecord_lite as tfr
from tfrecord_lite.format.columns import row_block
from tfrecord_lite.format.columns.row_block import RowBlock

Example = dict[str, Any]


def filled(examples: list[Example]) -> tuple[RowBlock, list[Example]]:
    """A block, and the examples that it took."""
    block = RowBlock()
    return block, [example for example in examples if block.add(example)]


def assert_holds(block: RowBlock, taken: list[Example]) -> None:
    assert bool(block) is bool(taken)
    if taken:
        expected = [tfr.encode_example(example) for example in taken]
        assert list(map(tfr.encode_example, block.examples())) == expected
        assert block.encode().records() == expected


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(width=32),
    st.binary(max_size=20),
    st.sampled_from([np.int64(-1), np.uint64(2**63 - 1), np.float64(0.5), np.uint8(3)]),
    st.lists(st.integers(0, 100), max_size=3).flatmap(
        lambda values: st.sampled_from(["i1", "i8", "u2", "?", "f4", "f8", ">i4", "u8"]).map(
            lambda dtype: np.array(values, dtype)
        )
    ),
    st.sampled_from([np.zeros((2, 3), np.float32), np.arange(6).reshape(2, 3)[:, ::2], np.ones(400, np.float32)]),
    st.sampled_from([None, "text", [1, 2], 2**64, np.array(["a"]), np.float32(1), np.array([2**64 - 1], np.uint64)]),
)


def encodes(example: Example) -> bool:
    try:
        tfr.encode_example(example)
    except tfr.FeatureError:
        return False
    return True


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "ab", "b", "ä", ""]), VALUES, max_size=3), max_size=30))
def test_what_is_taken_is_encoded_as_it_would_be_one_by_one(examples: list[Example]) -> None:
    block, taken = filled(examples)
    assert all(map(encodes, taken))
    assert_holds(block, taken)
    block.clear()
    assert_holds(block, [])
    again = [example for example in examples if block.add(example)]
    assert_holds(block, again)


@pytest.mark.parametrize(
    "example", [{}, {"a": None}, {"a": "text"}, {"a": [1]}, {"a": 2**63}, {"b": 2**63}, {"a": bytearray(b"x")}]
)
def test_what_is_unusual_is_declined(example: Example) -> None:
    block, taken = filled([{"a": 1}, example, {"a": 2}])
    assert taken == [{"a": 1}, {"a": 2}]
    assert_holds(block, taken)


def test_an_integer_out_of_range_is_declined_and_leaves_no_copy_of_its_array() -> None:
    sound = {"k": np.arange(3), "n": 1}
    block, taken = filled([sound, {"k": np.arange(3), "n": 2**63}, sound])
    assert len(taken) == 2
    assert_holds(block, taken)


def test_arrays_of_another_dtype_are_of_another_layout() -> None:
    examples = [{"a": np.ones(2, np.int32), "b": np.ones(2, dtype)} for dtype in ("f4", "i8", "f4", "i8", "f8")]
    block, taken = filled(examples)
    assert len(taken) == 5
    assert_holds(block, taken)


def test_an_array_that_is_never_collected_is_declined_behind_one_that_is() -> None:
    examples = [{"a": np.ones(2, np.int64), "b": np.ones(2, dtype)} for dtype in ("i8", "u8", "i8", ">i8")]
    block, taken = filled(examples)
    assert [example["b"].dtype for example in taken] == ["i8", "i8"]
    assert_holds(block, taken)


def test_arrays_of_dtypes_that_are_equal_are_of_one_layout() -> None:
    """As long and long long are, which are two dtypes."""
    examples = [{"a": np.arange(number, dtype="lq"[number % 2])} for number in range(20)]
    assert len({id(example["a"].dtype) for example in examples}) == 2
    block, taken = filled(examples)
    assert len(taken) == 20
    assert_holds(block, taken)


ARRAY, FLOATS = np.arange(3), np.ones(2, np.float32)


@pytest.mark.parametrize(
    "example",
    [
        {"n": 1, "x": 0.5, "b": b"x", "y": np.float64(-0.5), "t": True},
        {"array": ARRAY},
        {"array": ARRAY, "n": 7},
        {"b": b"bytes", "array": ARRAY, "n": 7},
        {"x": 0.25, "array": ARRAY, "n": 7, "floats": FLOATS, "b": b"bytes"},
    ],
    ids=str,
)
def test_examples_of_many_types_are_collected_and_given_again(example: Example) -> None:
    block, taken = filled([example] * 20)
    assert len(taken) == 20
    assert_holds(block, taken)
    assert len(block._runs) == 1  # once they are found to be of one layout


@pytest.mark.parametrize("layouts", [2, 3])
def test_examples_that_take_turns_come_out_in_their_order(layouts: int) -> None:
    block, taken = filled([{f"k{number % layouts}": number, "x": number / 2} for number in range(40)])
    assert len(taken) == 40
    assert_holds(block, taken)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u1", "?"])
def test_long_arrays_of_every_dtype_are_the_numbers_that_they_hold(dtype: str) -> None:
    block, taken = filled([{"a": np.full(1000 + number, number, dtype)} for number in range(4)])
    assert len(taken) == 4
    assert_holds(block, taken)


def test_an_example_is_large_by_all_that_is_kept_of_it() -> None:
    of_itself = row_block._ROOM // row_block._MAX_ROWS + 2 * 8
    room = row_block._LARGE_ROW - of_itself
    for array, bytes_of in ((room, 0), (room - 10, 80), (room - 10, 87), (0, 8 * room + 7)):
        block, whole = RowBlock(), RowBlock().room
        assert block.add({"array": np.zeros(array, np.uint8), "bytes": bytes(bytes_of)})
        assert whole - block.room == row_block._LARGE_ROW
        block = RowBlock()
        assert not block.add({"array": np.zeros(array + 1, np.uint8), "bytes": bytes(bytes_of)})
        assert not block.add({"array": np.zeros(array, np.uint8), "bytes": bytes(bytes_of + 8)})
        assert not block


def test_a_copy_is_kept_of_what_the_caller_can_change() -> None:
    block, array = RowBlock(), np.arange(5)
    assert block.add({"a": array})
    array[:] = 0
    assert_holds(block, [{"a": np.arange(5)}])


def test_long_float_arrays_stay_where_they_are() -> None:
    block, taken = filled([{"a": np.full(1000 + number, number, np.float32)} for number in range(4)])
    assert len(taken) == 4
    assert_holds(block, taken)


def test_a_large_example_is_declined() -> None:
    block, taken = filled([{"a": b"x"}, {"a": bytes(1 << 20)}, {"a": b"y"}])
    assert_holds(block, [{"a": b"x"}, {"a": b"y"}])
    block, taken = filled([{"a": np.zeros(1)}, {"a": np.zeros(1 << 20)}, {"a": np.ones(1)}])
    assert [len(example["a"]) for example in taken] == [1, 1]
    assert_holds(block, taken)


def test_more_layouts_than_a_few_are_declined_until_the_block_is_cleared() -> None:
    examples = [{f"k{number}": number} for number in range(row_block._MAX_LAYOUTS + 3)]
    block, taken = filled(examples)
    assert taken == examples[: row_block._MAX_LAYOUTS]
    assert_holds(block, taken)
    block.clear()
    assert block.add(examples[-1])
    assert_holds(block, examples[-1:])


def test_few_examples_of_each_layout_are_small() -> None:
    block, _ = filled([{"a": number} for number in range(15)])
    assert block.is_small
    block, _ = filled([{"a": number} for number in range(16)])
    assert not block.is_small
    assert block.add({"b": 1})
    assert block.is_small


def test_memory_that_runs_out_in_the_middle_of_an_example_leaves_those_before_it() -> None:
    class Full(list[bytes]):
        def append(self, _: bytes) -> None:
            raise MemoryError

    examples = [{"a": np.arange(3), "b": np.arange(number)} for number in range(3)]
    block, taken = filled(examples)
    (layout,) = block._layouts.values()
    _, copies = layout.arrays[1]
    copies.items = Full(copies.items)
    with pytest.raises(MemoryError):
        block.add(examples[0])
    copies.items = list(copies.items)
    assert_holds(block, taken)
    assert block.add(examples[2])
    assert_holds(block, [*taken, examples[2]])


def test_the_room_shrinks_by_what_is_kept() -> None:
    block = RowBlock()
    whole = block.room
    assert block.add({"a": 1})
    of_a_number = whole - block.room
    assert block.add({"a": np.zeros(1000)})
    assert whole - block.room >= 2 * of_a_number + 8000 - 8
    count = 2
    while block.room > 0:
        assert block.add({"a": count})
        count += 1
    assert count <= row_block._MAX_ROWS


class Interrupting(list[Any]):
    """Ctrl-C comes where something is to be added."""

    def append(self, item: Any) -> None:
        raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["rows", "packed"])
def test_ctrl_c_within_an_example_leaves_none_of_it(where: str) -> None:
    first, second, third = ({"n": n, "array": np.arange(n)} for n in (1, 2, 3))
    block = RowBlock()
    assert block.add(first)
    kept = getattr(block._last, where)
    setattr(block._last, where, Interrupting(kept))
    with pytest.raises(KeyboardInterrupt):
        block.add(second)
    setattr(block._last, where, kept)
    assert_holds(block, [first])
    assert block.add(third)
    assert_holds(block, [first, third])


def test_a_block_holds_what_was_added_before_its_room_is_known() -> None:
    block = RowBlock()
    whole = block.room
    block.add({"n": 1})
    block.room = whole  # Ctrl-C came before
    assert_holds(block, [{"n": 1}])


def test_who_goes_on_after_ctrl_c_at_any_line_has_what_was_added() -> None:
    arrays = [np.arange(3), np.ones(2, np.float32), np.arange(3)]
    examples: list[Example] = [
        {"n": number, "array": arrays[number % 3]} if number % 4 else {"n": number, "b": b"x"} for number in range(14)
    ]

    def add(block: RowBlock, example: Example) -> bool | None:
        try:
            return block.add(example)
        except KeyboardInterrupt:
            return None

    with Interrupt(of=row_block.__file__) as counted:
        filled(examples)
    assert counted.lines > 200
    for at in range(1, counted.lines + 1):
        block = RowBlock()
        with Interrupt(at, row_block.__file__):
            added = [add(block, example) for example in examples]
        is_there = len(block) > sum(map(bool, added))  # the one that was interrupted may be
        taken = [example for example, took in zip(examples, added, strict=True) if took or (took is None and is_there)]
        assert_holds(block, taken)
