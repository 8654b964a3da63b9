"""What names stand for in a Python file, told from its text: constants, dicts, and what is put into these afterwards.

    from tensorflow.io import FixedLenFeature as F    F is FixedLenFeature
    SIZE = 320                                        a constant: it is assigned once in the file
    HEIGHT, WIDTH = 32, 64                            two
    features = {}                                     a dict, and
    features["label"] = ...                           what is put into it further down in the same block

Nothing is run, so nothing is followed through calls, conditions and loops.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """What is put into a dict: `NAME[key] = value`."""

    key: ast.expr
    value: ast.expr


class Names:
    """The names of a parsed file.

    Args:
        tree: the file; names that stand for imported ones are replaced in it.
        imported: names that may be imported under others.

    Attributes:
        constants: {name: value} of what is assigned once in the file, and at its top level.
        dicts: {name: dict} of dicts whose name is assigned once in the file.
        entries: {dict: what is put into it further down in its block}.
        followed: the assignments that are among these.
    """

    def __init__(self, tree: ast.Module, imported: Collection[str]) -> None:
        _without_aliases(tree, imported)
        counts = Counter(_bound(tree))
        self._names: dict[ast.expr, str] = {}
        self.constants: dict[str, ast.expr] = {}
        self.dicts: dict[str, ast.expr] = {}
        self.entries: dict[ast.expr, list[Entry]] = {}
        self.followed: set[ast.stmt] = set()
        for name, value in _assigned(tree.body):
            if counts[name] == 1:
                self.constants[name] = value
        for block in _blocks(tree):
            for name, value in _assigned(block):
                self._names[value] = name
                if _is_dict(value) and counts[name] == 1:
                    self.dicts[name] = value
            self._follow(block)

    def of(self, node: ast.expr) -> str | None:
        """The name that a value is assigned to."""
        return self._names.get(node)

    def _follow(self, block: list[ast.stmt]) -> None:
        """What is put into the dicts of a block."""
        dicts: dict[str, ast.expr] = {}
        for statement in block:
            dicts.update(_assigned([statement]))
            if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
                continue
            target = statement.targets[0]
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                found = dicts.get(target.value.id)
                if found is not None and _is_dict(found):
                    self.entries.setdefault(found, []).append(Entry(target.slice, statement.value))
                    self.followed.add(statement)


class _Aliases(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node


def _without_aliases(tree: ast.Module, imported: Collection[str]) -> None:
    """Call what is imported `as` something by its own name."""
    aliases = [
        alias
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is not None and alias.name in imported
    ]
    bound = set(_bound(tree))
    _Aliases({str(alias.asname): alias.name for alias in aliases if alias.asname not in bound}).visit(tree)


def _bound(tree: ast.Module) -> Iterator[str]:
    """Every name that is assigned, as often as it is; arguments of functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """Statements that follow each other."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def _assigned(block: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of what a block assigns to names, tuples of them included."""
    for statement in block:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from _pairs(target, statement.value)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield from _pairs(statement.target, statement.value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        is_plain = not any(isinstance(each, ast.Starred) for each in (*target.elts, *value.elts))
        if is_plain and len(target.elts) == len(value.elts):
            for inner, part in zip(target.elts, value.elts, strict=True):
                yield from _pairs(inner, part)


def _is_dict(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "dict"
    return isinstance(node, (ast.Dict, ast.DictComp)) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)
    )
