"""Findings as people and programs see them."""

from __future__ import annotations

import pickle

import pytest

from tfrecord_lite.format.findings import ERROR, Finding, Problem, Rule

RULE = Rule("odd-name", ERROR, "call it otherwise", True)


def finding(feature: str | None, path: str | None, number: int | None, offset: int | None) -> Finding:
    return Finding.of(Problem(RULE, feature, "what\x1b is there", "reads on"), path, number, offset)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (("a\n", 3, 40), "a\\n: record #3 at offset 40: "),
        (("a", None, 40), "a: offset 40: "),
        (("a", None, None), "a: "),
        ((None, None, None), ""),
    ],
)
def test_a_finding_says_where_it_is_what_it_does_and_what_helps(place: tuple[str, int, int], text: str) -> None:
    assert str(finding("k\t", *place)) == (
        f"{text}error odd-name: feature 'k\\t': what\\x1b is there; TensorFlow reads on; cure: call it otherwise"
    )
    assert "feature" not in str(finding(None, *place))


def test_a_finding_is_json_and_pickles() -> None:
    found = finding("k", "a", 3, 40)
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.as_dict() == {
        "rule": "odd-name",
        "severity": "error",
        "path": "a",
        "record_number": 3,
        "offset": 40,
        "feature": "k",
        "what": "what\x1b is there",
        "tensorflow": "reads on",
        "cure": "call it otherwise",
        "is_fixable": True,
    }
