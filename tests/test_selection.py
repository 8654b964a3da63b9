"""filter, sample: some of the records, in their order, as they are."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import frame, frames
from hypothesis import given, settings
from hypothesis import strategies as st
from record_files import write

import tfrecord_lite as tfr
from tfrecord_lite import surgery
from tfrecord_lite.format.condition import Condition


@pytest.fixture
def records() -> list[bytes]:
    """In several blocks."""
    generator = np.random.default_rng(1)
    return [generator.bytes(size) for size in [0, 1, 3000, 70_000, 600_000, 5, 70, 1, 0, *range(200, 1400)]]


@pytest.fixture
def path(tmp_path: Path, records: list[bytes]) -> Path:
    return write(tmp_path / "data", records)


# filter


@pytest.mark.parametrize(
    "numbers",
    [slice(5), slice(3, 1000), slice(None, None, 7), slice(1200, 99999), range(10, 0, -3), {3, 1100, 0}, [5, 5, 4], []],
    ids=str,
)
def test_records_are_chosen_by_their_numbers(tmp_path: Path, path: Path, records: list[bytes], numbers: Any) -> None:
    second = write(tmp_path / "second", records)
    everything = records + records
    surgery.filter([path, second], tmp_path / "out", numbers=numbers)
    wanted = set(range(len(everything))[numbers] if isinstance(numbers, slice) else numbers)
    expected = [record for number, record in enumerate(everything) if number in wanted]
    assert list(tfr.read_records(tmp_path / "out")) == expected


@pytest.mark.parametrize("numbers", [slice(-3, None), slice(None, -1), slice(None, None, -1), [-1]], ids=str)
def test_numbers_from_the_end_are_refused(tmp_path: Path, path: Path, numbers: Any) -> None:
    with pytest.raises(ValueError, match="counted from 0"):
        surgery.filter(path, tmp_path / "out", numbers=numbers)


@pytest.mark.parametrize("mask", [np.ones(5, bool), [True, False]], ids=["array", "list"])
def test_a_mask_is_refused_with_the_way_to_numbers(tmp_path: Path, path: Path, mask: Any) -> None:
    with pytest.raises(TypeError, match=r"not a mask: np\.flatnonzero"):
        surgery.filter(path, tmp_path / "out", numbers=mask)


@pytest.mark.parametrize("number", [1209, 2**70])
def test_a_record_that_is_not_there_cannot_be_chosen(
    tmp_path: Path, path: Path, records: list[bytes], number: int
) -> None:
    with pytest.raises(IndexError, match=f"there are {len(records)}"):
        surgery.filter(path, tmp_path / "out", numbers=[0, number])
    assert os.listdir(tmp_path) == ["data"]


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    path = tmp_path / "examples"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(500):
            example: dict[str, Any] = {
                "label": number % 10,
                "score": np.float32(number % 7 / 10),
                "image/class/text": ["cat", "dog", "köttur"][number % 3],
                "ids": [number, number + 1],
                "image/height": number,
            }
            if number % 5 == 0:
                example["rare"] = [None, np.empty(0, np.int64), 1][number % 3]
            writer.write_example(example)
    return path


CONDITIONS: dict[str, Callable[[int], bool]] = {
    "label == 3": lambda n: n % 10 == 3,
    "label != 3": lambda n: n % 10 != 3,
    "label < 3 and label >= 1": lambda n: 1 <= n % 10 < 3,
    "label > 8.5": lambda n: n % 10 > 8.5,
    "label <= 0": lambda n: n % 10 <= 0,
    "label in (1, 2)": lambda n: n % 10 in (1, 2),
    "label not in [1, 2]": lambda n: n % 10 not in (1, 2),
    "label >= -1": lambda n: True,
    "score == 0.3": lambda n: n % 7 == 3,
    "score in (0.3, 0.6)": lambda n: n % 7 in (3, 6),
    "'image/class/text' == 'cat'": lambda n: n % 3 == 0,
    '"image/class/text" in ("dog", b"k\\xc3\\xb6ttur")': lambda n: n % 3 != 0,
    "image/height < 20": lambda n: n < 20,
    "7 in ids": lambda n: n in (6, 7),
    "7 not in ids": lambda n: n not in (6, 7),
    "ids == 7": lambda n: n == 7,
    "rare == 1": lambda n: n % 15 == 5,
    "rare != 1": lambda n: False,
    "1 in rare": lambda n: n % 15 == 5,
    "1 not in rare": lambda n: n % 15 != 5,
    "label == 3 and image/height > 100 and score < 0.45": lambda n: n % 10 == 3 and n > 100 and n % 7 < 4.5,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_records_are_chosen_by_a_condition(tmp_path: Path, examples: Path, text: str) -> None:
    moved = surgery.filter(examples, tmp_path / "out", text)
    numbers = [int(example["image/height"][0]) for example in tfr.read_examples(tmp_path / "out")]
    assert numbers == [number for number in range(500) if CONDITIONS[text](number)]
    assert moved.read == 500
    surgery.filter(examples, tmp_path / "by number", numbers=numbers)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "by number").read_bytes()


def test_records_are_chosen_by_a_function(tmp_path: Path, examples: Path) -> None:
    seen: list[set[str]] = []

    def is_wanted(example: Any) -> bool:
        seen.append(set(example))
        return bool(sum(example["ids"]) % 3 == 0)

    surgery.filter(examples, tmp_path / "out", is_wanted, keys=["ids"], numbers=range(100))
    assert [int(e["ids"][0]) for e in tfr.read_examples(tmp_path / "out")] == [n for n in range(100) if n % 3 == 1]
    assert all(keys == {"ids"} for keys in seen)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "label",
        "label == ",
        "label = 3",
        "label == 3 or label == 4",
        "not label == 3",
        "0 < label < 3",
        "label == other",
        "label == __import__('os')",
        "f(label) == 3",
        "label[0] == 3",
        "label is 3",
        "label == None",
        "label == (1, 2)",
        "label in (1, 'a')",
        "label in ()",
        "3 == label",
        "label == 1j",
        "class == 3",
        "label == 1" + "0" * 400,
        "label == 3\0",
        "(" * 10_000 + "label" + ")" * 10_000,
        "a == " + "-" * 100_000 + "1",
    ],
    ids=lambda text: text[:30].replace("\0", "NUL"),
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_what_is_no_condition_is_refused_before_any_work(tmp_path: Path, examples: Path, text: str) -> None:
    with pytest.raises(ValueError):
        surgery.filter(examples, tmp_path / "out", text)
    assert os.listdir(tmp_path) == ["examples"]


def test_a_condition_knows_its_features() -> None:
    assert Condition("a.b/c == 1 and 'x y' in ('1',) and 3 in d").keys == {"a.b/c", "x y", "d"}


@pytest.mark.parametrize("text", ["nosuch == 3", "label == 3 and nosuch != 1", "1 not in nosuch"])
def test_a_feature_that_no_record_has_is_an_error(tmp_path: Path, examples: Path, text: str) -> None:
    with pytest.raises(tfr.FeatureError, match=r"^no record has a feature 'nosuch'$"):
        surgery.filter(examples, tmp_path / "out", text)
    assert os.listdir(tmp_path) == ["examples"]
    (tmp_path / "empty").write_bytes(b"")
    assert surgery.filter(tmp_path / "empty", tmp_path / "out", text).written == 0


def test_what_a_function_raises_is_the_cause_of_an_error_that_names_the_record(tmp_path: Path, examples: Path) -> None:
    with pytest.raises(tfr.FeatureError, match=r"record #1 at offset .*KeyError") as caught:
        surgery.filter(examples, tmp_path / "out", lambda example: example["rare"] is None)
    assert (caught.value.path, caught.value.record_number) == (str(examples), 1)
    assert isinstance(caught.value.__cause__, KeyError)
    assert os.listdir(tmp_path) == ["examples"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("label == 'cat'", "int64, and is compared with text"), ("'image/class/text' > 3", "bytes, and is compared with")],
)
def test_a_comparison_with_another_kind_names_the_record(
    tmp_path: Path, examples: Path, text: str, message: str
) -> None:
    with pytest.raises(tfr.FeatureError, match=message) as caught:
        surgery.filter(examples, tmp_path / "out", text)
    assert (caught.value.path, caught.value.record_number, caught.value.offset) == (str(examples), 0, 0)
    assert os.listdir(tmp_path) == ["examples"]


def test_a_record_that_is_no_example_cannot_be_compared(tmp_path: Path, examples: Path) -> None:
    with open(examples, "ab") as file:
        file.write(frame(b"\xff"))
    with pytest.raises(tfr.DecodeError, match="record #500 at offset") as caught:
        surgery.filter(examples, tmp_path / "out", "label == 3")
    assert caught.value.path == str(examples)
    surgery.filter(examples, tmp_path / "out", "label == 3", numbers=slice(0, 10))


@pytest.mark.parametrize("arguments", [{}, {"where": "a == 1", "keys": ["a"]}, {"numbers": [1], "keys": ["a"]}])
def test_a_filter_that_is_not_clear_is_refused(tmp_path: Path, path: Path, arguments: Any) -> None:
    with pytest.raises(ValueError):
        surgery.filter(path, tmp_path / "out", **arguments)


# sample


@pytest.mark.parametrize(("arguments", "count"), [({"count": 10}, 10), ({"fraction": 0.25}, 302), ({"count": 0}, 0)])
def test_a_sample_is_exact_repeatable_and_in_order(
    tmp_path: Path, path: Path, records: list[bytes], arguments: dict[str, Any], count: int
) -> None:
    numbered = write(tmp_path / "numbered", [b"%d" % number for number in range(len(records))])
    samples = []
    for seed in (1, 1, 2):
        surgery.sample(numbered, tmp_path / "out", seed=seed, **arguments)
        samples.append([int(record) for record in tfr.read_records(tmp_path / "out")])
    assert samples[0] == samples[1] == sorted(set(samples[0]))
    assert len(samples[0]) == len(samples[2]) == count
    assert samples[0] != samples[2] or not count


def test_every_choice_is_as_likely_as_any_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"a", b"b", b"c", b"d"])
    counts: dict[bytes, int] = {}
    for seed in range(600):
        out = io.BytesIO()
        surgery.sample(path, out, count=2, seed=seed)
        counts[out.getvalue()] = counts.get(out.getvalue(), 0) + 1
    assert len(counts) == 6
    assert all(60 <= count <= 140 for count in counts.values()), counts


@pytest.mark.parametrize(
    "arguments", [{}, {"count": 1, "fraction": 0.5}, {"count": -1}, {"fraction": 1.5}, {"count": 99_999}]
)
def test_a_sample_that_cannot_be_drawn_is_refused(tmp_path: Path, path: Path, arguments: Any) -> None:
    with pytest.raises(ValueError):
        surgery.sample(path, tmp_path / "out", **arguments)
    assert os.listdir(tmp_path) == ["data"]


# Numbers of records, against Python's own sets.

ANY_NUMBERS = st.one_of(
    st.builds(slice, st.none() | st.integers(0, 40), st.none() | st.integers(0, 40), st.none() | st.integers(1, 9)),
    st.builds(range, st.integers(-5, 40), st.integers(-5, 40), st.integers(-9, 9).filter(bool)),
    st.sets(st.integers(0, 29)),
    st.lists(st.integers(0, 29)).map(lambda numbers: np.array(numbers, np.int64)),
    st.lists(st.integers(0, 29)).map(lambda numbers: np.array(numbers, np.uint8)),
)


@settings(deadline=None)
@given(ANY_NUMBERS)
def test_any_numbers_choose_their_records(numbers: Any) -> None:
    records = [b"%d" % number for number in range(30)]
    out = io.BytesIO()
    surgery.filter(io.BytesIO(frames(records)), out, numbers=numbers)
    wanted = set(range(30)[numbers] if isinstance(numbers, slice) else map(int, numbers))
    assert out.getvalue() == frames(record for number, record in enumerate(records) if number in wanted)


def test_negative_numbers_in_an_array_are_refused_as_those_in_a_list(tmp_path: Path, path: Path) -> None:
    with pytest.raises(ValueError, match="none of number -2"):
        surgery.filter(path, tmp_path / "out", numbers=np.array([3, -2, -1]))
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize(
    "numbers", [["a"], [1.0], [None], slice("a"), np.array([0.5]), np.ma.array([0, 1], mask=[False, True])], ids=str
)
def test_what_is_no_number_is_refused(tmp_path: Path, path: Path, numbers: Any) -> None:
    with pytest.raises(TypeError):
        surgery.filter(path, tmp_path / "out", numbers=numbers)
    assert os.listdir(tmp_path) == ["data"]


def test_an_error_of_ours_that_a_function_raises_is_not_wrapped(tmp_path: Path, examples: Path) -> None:
    def refuse(example: Any) -> bool:
        raise tfr.FeatureError("no such label", "label")

    with pytest.raises(tfr.FeatureError, match="no such label") as caught:
        surgery.filter(examples, tmp_path / "out", refuse)
    assert (caught.value.record_number, caught.value.__cause__) == (0, None)
