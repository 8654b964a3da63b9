"""What is taken for a whole number, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfrecord_lite.adapters.whole_number import whole_number, whole_numbers

tf = pytest.importorskip("tensorflow")


@pytest.mark.parametrize("value", [3, np.uint8(3), np.array(3), tf.constant(3)], ids=repr)
def test_integers_of_all_kinds_are_pythons(value: Any) -> None:
    found = whole_number(value, "steps", 0, 3)
    assert (type(found), found) == (int, 3)


@pytest.mark.parametrize(
    "value",
    [True, np.True_, 3.0, "3", None, [3], np.array([3]), *map(tf.constant, (3.0, True, "3", [3, 4]))],
    ids=repr,
)
def test_what_is_no_integer_is_a_type_error_that_names_it(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^steps: "):
        whole_number(value, "steps")


def test_lists_of_several_kinds_of_integers_stay_what_they_are() -> None:
    found = whole_numbers([np.uint64(2**64 - 1), -1, 2**70], "places")
    assert found.tolist() == [2**64 - 1, -1, 2**70]
    with pytest.raises(TypeError, match=r"^places are integers: #1: "):
        whole_numbers([1, 1.0], "places")


def test_what_is_masked_is_no_number() -> None:
    masked: Any
    for masked in (np.ma.masked, np.ma.array(3, mask=True)):
        with pytest.raises(TypeError, match=r"^steps: it is masked$"):
            whole_number(masked, "steps")
        with pytest.raises(TypeError, match=r"^places are integers: #1: it is masked$"):
            whole_numbers([1, masked], "places")
    with pytest.raises(TypeError, match=r"^places are integers, and some of these are masked$"):
        whole_numbers(np.ma.array([1, 2], mask=[False, True]), "places")
    assert whole_number(np.ma.array(3), "steps") == 3
    assert whole_numbers(np.ma.array([1, 2], mask=[False, False]), "places").tolist() == [1, 2]
