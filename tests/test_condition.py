"""Conditions on the features of an example, asked about single examples; about files: test_selection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.format.condition import Condition

EXAMPLE: dict[str, Any] = {
    "label": np.array([3, 4]),
    "score": np.array([0.1], np.float32),
    "image/text": [b"cat", "köttur".encode()],
    "a.b": np.array([1]),
    "none": None,
    "big": np.array([2**63 - 1, 2**53 + 1]),
    "empty": np.empty(0, np.int64),
    "no text": [],
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("label == 3", True),
        ("label == 4", False),
        ("big < 9223372036854775808.0", True),
        ("big == 9223372036854775808.0", False),
        ("big in (9223372036854775808.0,)", False),
        ("9223372036854775807 in big", True),
        ("9007199254740992.0 in big", False),
        ("4 in label", True),
        ("4 not in label", False),
        ("label in [3, 5]", True),
        ("label in {4}", False),
        ("label not in (4, 5)", True),
        ("label > -1 and label < 3.5", True),
        ("score == 0.1", True),
        ("score in (0.1,)", True),
        ("0.1 in score", True),
        ("score < 1e300", True),
        ("image/text == 'cat'", True),
        ("'köttur' in image/text", True),
        ("image/text in ('dog', b'cat')", True),
        ("image/text >= 'ca'", True),
        ("a.b == 1", True),
        ("'a.b' == 1", True),
        *[(f"{name} {comparison}", False) for name in ("none", "empty", "missing") for comparison in ("== 1", "!= 1")],
        ("'no text' == 'a'", False),
        *[(f"1 in {name}", False) for name in ("none", "empty", "missing")],
        *[(f"1 not in {name}", True) for name in ("none", "empty", "missing")],
        ("none not in (1, 2)", False),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    assert bool(Condition(text)(EXAMPLE)) is holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label == 'a'", "holds int64, and is compared with text"),
        ("score == 'a'", "holds float32, and is compared with text"),
        ("image/text == 1", "holds bytes, and is compared with a number"),
        ("1 in image/text", "holds bytes, and is compared with a number"),
    ],
)
def test_a_comparison_with_another_kind_names_the_feature(text: str, message: str) -> None:
    with pytest.raises(tfr.FeatureError, match=message) as caught:
        Condition(text)(EXAMPLE)
    assert caught.value.key == next(iter(Condition(text).keys))


@pytest.mark.parametrize(
    "text", ["not " * 1500 + "label == 1", "a" + ".a" * 3000 + " == 1", "(" * 500 + "a" + ")" * 500]
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no condition: .*it looks like this: label == 3"):
        Condition(text)
