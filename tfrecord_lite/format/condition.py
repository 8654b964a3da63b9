"""A condition on the features of an example, written as text: `label == 3 and score >= 0.5`.

Takes the text, gives a Condition that is asked about examples. The text is parsed as a Python expression and never
evaluated; whatever is not in this list is refused:

    condition    comparison, or comparisons joined by `and`
    comparison   NAME  == != < <= > >=  VALUE      the first value of the feature
                 NAME  in / not in  (VALUE, ...)   the first value of the feature
                 VALUE in / not in  NAME           all values of the feature
    NAME         label, image/height, a.b; in quotes what Python would not take for a name: "image/class/label"
    VALUE        a number, text (compared as UTF-8), or bytes: 3, -0.5, "cat", b"\\xff"

A feature that is missing, has no kind, or is empty, has no first value: no comparison with it holds, not even `!=`. Of
all its values none is equal to anything. Numbers are compared with a float feature as float32, so `score == 0.1` holds
for what was stored as 0.1. Raises ValueError for text that is no condition, FeatureError when a value is compared with
a feature of another kind.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfrecord_lite.errors import FeatureError

_OPERATORS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, values: value in values,
    ast.NotIn: lambda value, values: value not in values,
}


class _Comparison(NamedTuple):
    """One comparison of a feature with values.

    Attributes:
        key: name of the feature.
        holds: (what is in the feature, values) -> whether it is so.
        values: what it is compared with: one value, or a tuple.
        floats: the same as float32, for a float feature.
        is_text: whether the values are bytes.
        looks_at_all: whether at all values of the feature, or at the first.
    """

    key: str
    holds: Callable[[Any, Any], Any]
    values: Any
    floats: Any
    is_text: bool
    looks_at_all: bool

    @classmethod
    def of(cls, key: str, holds: Callable[[Any, Any], Any], values: Any, looks_at_all: bool = False) -> _Comparison:
        """With values of one kind."""
        is_text = isinstance(values[0] if isinstance(values, tuple) else values, bytes)
        return cls(key, holds, values, None if is_text else _as_floats(values), is_text, looks_at_all)


class Condition:
    """Whether an example is wanted.

    Args:
        text: as above.

    Attributes:
        keys: names of the features that it is about.

    Raises:
        ValueError: the text is no condition.
    """

    def __init__(self, text: str) -> None:
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            # Null bytes, deep nesting: whatever the parser does not take.
            raise ValueError(f"no condition: {text!r} ({_HINT})") from error
        is_joined = isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And)
        parts = tree.values if is_joined else [tree]  # type: ignore[attr-defined]
        try:
            self._comparisons = [_comparison(part) for part in parts]
        except RecursionError as error:  # nested deeper than what is said of it can be written
            raise ValueError(f"no condition: {text!r} ({_HINT})") from error
        self.keys = frozenset(comparison.key for comparison in self._comparisons)

    def __call__(self, example: Mapping[str, Any]) -> bool:
        """Whether it holds for an example as `decode_example` gives it.

        Raises:
            FeatureError: a feature holds what the values cannot be compared with.
        """
        for comparison in self._comparisons:  # noqa: SIM110  a generator for each example takes its time
            if not _holds(comparison, example.get(comparison.key)):
                return False
        return True


_HINT = 'it looks like this: label == 3 and "image/class/text" in ("cat", "dog")'


def _holds(comparison: _Comparison, feature: Any) -> Any:
    if feature is None or not len(feature):
        return comparison.looks_at_all and comparison.holds(None, ())
    is_text = type(feature) is list
    if comparison.is_text != is_text:
        kind, other = ("bytes", "a number") if is_text else (str(feature.dtype), "text")
        raise FeatureError(f"holds {kind}, and is compared with {other}", comparison.key)
    values = comparison.values
    if not is_text and feature.dtype.kind == "f":
        values = comparison.floats
    elif not is_text:  # Python compares integers with floats exactly, numpy as floats
        feature = (feature if comparison.looks_at_all else feature[:1]).tolist()
    return comparison.holds(values, feature) if comparison.looks_at_all else comparison.holds(feature[0], values)


def _as_floats(values: Any) -> Any:
    with np.errstate(over="ignore"):
        try:
            return tuple(map(np.float32, values)) if isinstance(values, tuple) else np.float32(values)
        except OverflowError as error:
            raise ValueError("a number is too large") from error


def _comparison(node: ast.expr) -> _Comparison:
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in _OPERATORS:
        raise ValueError(f"no comparison of a feature with a value: {ast.unparse(node)!r} ({_HINT})")
    left, right, holds = node.left, node.comparators[0], _OPERATORS[type(node.ops[0])]
    if not isinstance(node.ops[0], (ast.In, ast.NotIn)):
        return _Comparison.of(_name(left), holds, _value(right))
    if isinstance(right, (ast.Tuple, ast.List, ast.Set)):
        values = tuple(map(_value, right.elts))
        if len({isinstance(value, bytes) for value in values}) != 1:
            raise ValueError(f"values to compare with are all numbers, or all text: {ast.unparse(right)!r}")
        return _Comparison.of(_name(left), holds, values)
    return _Comparison.of(_name(right), holds, _value(left), looks_at_all=True)


def _name(node: ast.expr) -> str:
    """The name of a feature. `image/height` is a division to Python, `a.b` an attribute."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return f"{_name(node.left)}/{_name(node.right)}"
    raise ValueError(f"no name of a feature: {ast.unparse(node)!r} ({_HINT})")


def _value(node: ast.expr) -> int | float | bytes:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        value = None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (int, float, bytes)):
        return value
    raise ValueError(f"no number, text or bytes: {ast.unparse(node)!r} ({_HINT})")
