"""What an expression in the text of a Python file stands for, if it is literal; nothing is run.

Constants, lists and tuples of them, `[0] * 10`, `-1`, sums and products of integers, and names of such. Anything else
is a SpecError with its line.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}
#: A default of more values is nobody's; it bounds what a file can make us build.
_MOST_VALUES = 1 << 20
_LARGEST = 1 << 63
#: Names may stand for names; not for ever.
_MOST_NAMES = 20
_LONGEST_SHOWN = 80


class SpecError(ValueError):
    """The text has no features that can be read from it."""


def spec_error(node: Any, problem: str) -> SpecError:
    """An error about a part of the text."""
    return SpecError(f"line {node.lineno}: {problem}")


def shown(node: ast.expr) -> str:
    """The beginning of an expression, for an error."""
    text = ast.unparse(node)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


class Literals:
    """Reads expressions.

    Args:
        constants: what the names stand for that the file assigns once.
    """

    def __init__(self, constants: Mapping[str, ast.expr]) -> None:
        self._constants = constants

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        """What a literal stands for, names of constants included."""
        if isinstance(node, ast.Constant) and not isinstance(node.value, complex):
            return node.value
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.value(element, depth) for element in node.elts]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = self.value(node.operand, depth)
            if isinstance(value, (int, float)):
                return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right = self.value(node.left, depth), self.value(node.right, depth)
            return _computed(node, _ARITHMETIC[type(node.op)], left, right)
        if isinstance(node, ast.Name) and node.id in self._constants and depth < _MOST_NAMES:
            return self.value(self._constants[node.id], depth + 1)
        raise spec_error(node, f"something literal is needed, not {shown(node)}")


def _computed(node: ast.expr, compute: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """`left` and `right` together, if they are integers, or a list and how often it is repeated."""
    if isinstance(left, list) and isinstance(right, int) and compute is operator.mul:
        if right >= 0 and len(left) * right <= _MOST_VALUES:
            return left * right
    elif isinstance(left, int) and isinstance(right, int) and max(abs(left), abs(right)) < _LARGEST:
        try:
            return compute(left, right)
        except ZeroDivisionError:
            pass
    raise spec_error(node, f"something literal is needed, not {shown(node)}")
