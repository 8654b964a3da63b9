"""The features that a Python file parses, read from its text without running it.

    features = {
        "label": tf.io.FixedLenFeature([], tf.int64),
        "tokens": tf.io.VarLenFeature(tf.int64),
    }

Takes the text, gives the features and the compression types that it names. A dict display (or `dict(...)`) whose values
are calls of the feature classes counts, wherever it stands: assigned to a name, in a function, or in the call of
parse_example. It may take over others (`{**base, ...}`, `base | other`), and features may be put into it behind it in
the same block; see `python_names`. What stands in it must be literal: constants, lists and tuples of them, `[0] * 10`,
`-1`, sums and products of integers, and names that the file assigns once, at its top level, something literal. dtypes
are tf.int64, np.float32, tf.string, bytes, "int64" and the like. Anything else is a SpecError that says in which line
it is, rather than a guess.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tfrecord_lite.format.features import (
    FixedLenFeature,
    FixedLenSequenceFeature,
    RaggedFeature,
    SparseFeature,
    VarLenFeature,
)
from tfrecord_lite.format.python_literals import Literals, SpecError, shown, spec_error
from tfrecord_lite.format.python_names import Names

_FEATURES: dict[str, Callable[..., Any]] = {
    cls.__name__: cls for cls in (FixedLenFeature, VarLenFeature, FixedLenSequenceFeature, SparseFeature, RaggedFeature)
}
_PARTITIONS: dict[str, Callable[..., Any]] = {
    cls.__name__: cls
    for cls in (
        RaggedFeature.RowSplits,
        RaggedFeature.RowLengths,
        RaggedFeature.RowStarts,
        RaggedFeature.RowLimits,
        RaggedFeature.ValueRowIds,
        RaggedFeature.UniformRowLength,
    )
}
_DTYPES = {
    "int64": np.int64,
    "float32": np.float32,
    "string": bytes,
    "bytes": bytes,
    "object_": bytes,
    "float": np.float32,
    "int32": np.int32,  # of row_splits
}
_IMPORTED = {*_FEATURES, *_PARTITIONS, *_DTYPES}


class Compression(NamedTuple):
    """A compression type that the file names.

    Attributes:
        type: what it names.
        line: where; None in JSON.
    """

    type: str
    line: int | None


class Spec(NamedTuple):
    """What a training script asks for.

    Attributes:
        features: {name: FixedLenFeature(...) or another feature}.
        compressions: the compression types that it names.
    """

    features: dict[str, Any]
    compressions: tuple[Compression, ...] = ()


def python_spec(text: str | bytes, name: str | None = None) -> Spec:
    """The spec in the text of a Python file.

    Args:
        text: of the file; its bytes say themselves how they are encoded.
        name: which of several dicts, by the name that it is assigned to; None if there is only one.

    Raises:
        SpecError: it is no Python, has no such dict or several, or one that is not literal.
    """
    try:
        tree = ast.parse(text)
        return Spec(_Reader(tree).features(name), tuple(_compressions(tree)))
    except SpecError:
        raise
    except (SyntaxError, ValueError) as error:  # a ValueError has neither line nor msg
        line = getattr(error, "lineno", None)
        place = "" if line is None else f"line {line}: "
        raise SpecError(f"{place}not Python: {getattr(error, 'msg', error)}") from None
    except (MemoryError, RecursionError):
        raise SpecError("something in it is nested too deeply") from None


class _Reader:
    """A parsed file."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._names = Names(tree, _IMPORTED)
        self._constants = self._names.constants
        self._literals = Literals(self._constants)
        self._known: dict[ast.expr, bool] = {}
        self._read: dict[ast.expr, dict[str, Any]] = {}
        self._open: set[ast.expr] = set()  # that are being read

    def features(self, name: str | None) -> dict[str, Any]:
        """The features of the one dict, or of the one of that name."""
        found = [node for node in ast.walk(self._tree) if isinstance(node, ast.expr) and self._is_features(node)]
        if name is None:  # what is part of another dict is not meant by itself
            parts = {part for node in found for part in map(self._part, _taken_over(node)) if part is not node}
            found = [node for node in found if node not in parts]
        else:
            found = [node for node in found if self._names.of(node) == name]
        if not found:
            called = "" if name is None else f" that is called {name}"
            raise SpecError(
                f"there is no dict of features{called}, such as {{'x': tf.io.FixedLenFeature([], tf.int64)}}"
            )
        if len(found) > 1:
            places = ", ".join(f"{self._names.of(node) or 'without a name'} in line {node.lineno}" for node in found)
            raise SpecError(f"there are {len(found)} dicts of features: {places}; say which: FILE:NAME")
        return self._features_of(found[0])

    def _is_features(self, node: ast.expr) -> bool:
        """Whether it is a dict in which a feature is made, into which one is put, or that takes over such a dict."""
        if node not in self._known:
            self._known[node] = False  # a dict that takes over itself
            values = [entry.value for entry in self._names.entries.get(node, ())]
            values += [node.value] if isinstance(node, ast.DictComp) else [value for _, value in _items(node)]
            parts = filter(None, map(self._part, _taken_over(node)))
            self._known[node] = any(map(_is_feature, values)) or any(map(self._is_features, parts))
        return self._known[node]

    def _part(self, given: ast.expr) -> ast.expr | None:
        """The dict that a dict takes over, which it names or writes down."""
        return self._names.dicts.get(given.id) if isinstance(given, ast.Name) else given

    def _features_of(self, node: ast.expr) -> dict[str, Any]:
        """The features in a dict."""
        if isinstance(node, ast.DictComp):
            raise spec_error(node, "a dict that is written down entry by entry is needed, not a comprehension")
        self._check_unchanged(node)
        features: dict[str, Any] = {}
        names: set[str] = set()
        for key, value in _items(node):
            if key is None:
                features |= self._taken_over(value)
                continue
            name = self._key(key)
            if name in names:
                raise spec_error(value, f"the feature {name!r} is there twice")
            names.add(name)
            features[name] = self._feature(value)
        for entry in self._names.entries.get(node, ()):
            features[self._key(entry.key)] = self._feature(entry.value)
        return features

    def _taken_over(self, given: ast.expr) -> dict[str, Any]:
        """The features of a dict that another takes over here."""
        part = self._part(given)
        if part is None or not self._is_features(part) or part in self._open:
            wanted = "a dict of features that is written down and assigned once"
            raise spec_error(given, f"{wanted} is needed, not {shown(given)}")
        for entry in self._names.entries.get(part, ()):
            if entry.value.lineno > given.lineno:
                raise spec_error(entry.value, "a feature is added here, behind where the dict is taken over")
        if part not in self._read:
            self._open.add(part)
            self._read[part] = self._features_of(part)
            self._open.remove(part)
        return self._read[part]

    def _key(self, key: ast.expr | str) -> str:
        text = self._literals.value(key) if isinstance(key, ast.expr) else key
        if not isinstance(text, str):
            raise spec_error(key, "the name of a feature is a literal str")
        return text

    def _check_unchanged(self, node: ast.expr) -> None:
        """Raise when the dict, or any, is changed after it was written down in a way that cannot be followed."""
        name = self._names.of(node)
        for other in ast.walk(self._tree):
            changed: Any = None
            if isinstance(other, ast.Assign):
                if other in self._names.followed:
                    continue
                for target in other.targets:
                    if not isinstance(target, ast.Subscript):
                        continue
                    if _is_feature(other.value):
                        raise spec_error(
                            other, "a feature is added here, which cannot be followed: write one dict of all"
                        )
                    changed = target.value
            elif isinstance(other, ast.Delete):
                changed = next((each.value for each in other.targets if isinstance(each, ast.Subscript)), None)
            elif isinstance(other, ast.AugAssign):
                changed = other.target.value if isinstance(other.target, ast.Subscript) else other.target
            elif isinstance(other, ast.Attribute) and other.attr in _CHANGING:
                changed = other.value
            if name is not None and isinstance(changed, ast.Name) and changed.id == name:
                raise spec_error(other, f"{name} is changed here, which cannot be followed: write it down as one dict")

    def _feature(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and _is_feature(self._constants.get(node.id)):
            node = self._constants[node.id]
        if not isinstance(node, ast.Call) or not _is_feature(node):
            wanted = "a feature such as tf.io.FixedLenFeature([], tf.int64)"
            raise spec_error(node, f"{wanted} is needed, not {shown(node)}")
        return self._call(node, _FEATURES[_last_name(node.func)])

    def _call(self, node: ast.Call, cls: Callable[..., Any]) -> Any:
        if any(isinstance(argument, ast.Starred) for argument in node.args) or not all(k.arg for k in node.keywords):
            raise spec_error(node, "arguments that can be read one by one are needed, without * and **")
        arguments = [self._argument(argument) for argument in node.args]
        named = {keyword.arg: self._argument(keyword.value) for keyword in node.keywords if keyword.arg}
        try:
            return cls(*arguments, **named)
        except (TypeError, ValueError) as error:
            raise SpecError(f"line {node.lineno}: {error}") from None

    def _argument(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Call) and _last_name(node.func) in _PARTITIONS:
            return self._call(node, _PARTITIONS[_last_name(node.func)])
        if isinstance(node, ast.Attribute) and node.attr in _DTYPES:
            return _DTYPES[node.attr]
        if isinstance(node, ast.Name) and node.id in _DTYPES and node.id not in self._constants:
            return _DTYPES[node.id]
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self._argument(element) for element in node.elts]
        return self._literals.value(node)


#: Methods that change a dict.
_CHANGING = {"update", "pop", "popitem", "clear", "setdefault"}


def _is_feature(node: Any) -> bool:
    """Whether it makes a feature."""
    return isinstance(node, ast.Call) and _last_name(node.func) in _FEATURES


def _items(node: ast.expr) -> Iterator[tuple[ast.expr | str | None, ast.expr]]:
    """(key, value) of what is written down in a dict, in order; without a key a dict that it takes over whole.

    That is `{**base}`, `dict(**base)`, `dict(base)` or `base | other`.
    """
    if isinstance(node, ast.Dict):
        yield from zip(node.keys, node.values, strict=True)
    elif isinstance(node, ast.Call) and _last_name(node.func) == "dict":
        yield from ((None, argument) for argument in node.args)
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from ((None, node.left), (None, node.right))


def _taken_over(node: ast.expr) -> list[ast.expr]:
    return [value for key, value in _items(node) if key is None]


def _compressions(tree: ast.Module) -> Iterator[Compression]:
    """The compression types that calls name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        given: list[ast.expr] = [keyword.value for keyword in node.keywords if keyword.arg == "compression_type"]
        name = _last_name(node.func)
        position = {"TFRecordDataset": 1, "TFRecordOptions": 0}.get(name)
        if position is not None and len(node.args) > position:
            given.append(node.args[position])
        for value in given:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield Compression(value.value, node.lineno)


def _last_name(node: ast.expr) -> str:
    """FixedLenFeature of tf.io.FixedLenFeature; "" of what is no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
