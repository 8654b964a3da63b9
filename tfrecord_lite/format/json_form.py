"""Records as JSON, in a form that loses nothing: what `tfrecord-lite cat` prints, a line a record.

    an Example             {"label": [3], "scores": [0.5, "nan"], "name": ["a text"], "none": null}
    a SequenceExample      {"context": {...}, "feature_lists": {"words": [["a"], ["b"]]}}
    any other record       {"record": {"text": "..."}}, or {"record": {"base64": "..."}} as for bytes

    a feature              null: no kind. A list of numbers: int64 if all are written as integers, otherwise float32.
                           A list of texts: bytes
    bytes                  text, if they are UTF-8 that can be shown; otherwise {"base64": "..."}
    float32                the shortest decimal that is this float32 again; NaN and infinities as "nan", "inf", "-inf"
    what has no such sign  {"int64": []}, {"float32": []}, {"bytes": []}: an empty list of that kind;
    of its kind            {"float32": ["nan"]}: floats of which none is finite

Back, also a value without a list around it is taken, any list may say its kind, and true and false are 1 and 0. So
{"record": "a text"} is an Example; of one whose only feature is "record", base64 wants a list around it. (An Example
whose two features "context" and "feature_lists" have that form is written as any other record.)
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfrecord_lite.errors import DecodeError, FeatureError
from tfrecord_lite.format.encodings import text_of
from tfrecord_lite.format.example import (
    decode_example,
    decode_sequence_example,
    encode_example,
    encode_key,
    encode_sequence_example,
)
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.schema import Schema

INT64, FLOAT32, BYTES, _BASE64 = "int64", "float32", "bytes", "base64"
_RECORD, _TEXT = "record", "text"
_KIND_OF_TYPE = {int: INT64, float: FLOAT32, str: BYTES}
_NON_FINITE = {"nan", "inf", "-inf"}
_SEQUENCE = {"context", "feature_lists"}


class SaidNonFinite(float):
    """NaN, Infinity or -Infinity as Python's JSON has them (`parse_constant`): 1e400 is infinite only for a double."""


def record_as_json(record: bytes) -> Any:
    """A record for JSON, as above."""
    try:
        context, feature_lists = decode_sequence_example(record)
        if not feature_lists:
            return example_as_record(decode_example(record), record)
    except DecodeError:
        return bytes_as_record(record)
    return sequence_example_as_json(context, feature_lists)


def bytes_as_record(record: bytes) -> Any:
    """What `record_as_json` gives for a record that is no message."""
    form = _bytes_as_json(record)
    return {_RECORD: {_TEXT: form} if isinstance(form, str) else form}


def sequence_example_as_json(context: Mapping[str, Any], feature_lists: Mapping[str, list[Any]]) -> Any:
    """A SequenceExample as `decode_sequence_example` gives it, for JSON."""
    lists = {name: [feature_as_json(step) for step in steps] for name, steps in feature_lists.items()}
    return {"context": example_as_json(context), "feature_lists": lists}


def example_as_record(example: Mapping[str, Any], record: bytes) -> Any:
    """What `record_as_json` gives for a record that is this example."""
    form = example_as_json(example)
    return bytes_as_record(record) if is_sequence(form) else form


def example_as_json(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example as `decode_example` gives it, for JSON."""
    return {name: feature_as_json(value) for name, value in example.items()}


def feature_as_json(value: Any) -> Any:
    """A feature as `decode_example` gives it, for JSON."""
    if value is None:
        return None
    if isinstance(value, list):
        return [_bytes_as_json(item) for item in value] or {BYTES: []}
    if value.dtype == np.float32:
        # The shortest decimal that is this float32 again, not the digits of the double beside it.
        items: list[Any] = [float(str(number)) for number in value]
        if items and all(map(math.isfinite, items)):
            return items
        has_finite = any(map(math.isfinite, items))
        items = [item if math.isfinite(item) else str(item) for item in items]
        return items if has_finite else {FLOAT32: items}
    return value.tolist() or {INT64: []}


def record_from_json(text: str | bytes, schema: Schema | None = None) -> bytes:
    """The serialized record that a line of JSON stands for.

    Args:
        text: the line.
        schema: of the features that are taken, and what they are; then an empty list, and integers where floats are
            meant, need no sign. Other features are left out. None takes all, as they are.

    Raises:
        FeatureError: it is no JSON, or nothing that a record can be.
    """
    given = object_from_json(text)
    if is_record(given):
        return _bytes_from_json(given[_RECORD].get(_TEXT, given[_RECORD]), _RECORD)
    if is_sequence(given):
        lists = {
            name: [
                feature_from_json(
                    step, f"{name}[{step_number}]", None if schema is None else schema.feature_lists[name].step
                )
                for step_number, step in _steps(name, steps)
            ]
            for name, steps in given["feature_lists"].items()
            if schema is None or name in schema.feature_lists
        }
        return encode_sequence_example(features_from_json(given["context"], schema), lists)
    return encode_example(features_from_json(given, schema))


def parse_json(text: str | bytes) -> Any:
    """What JSON says, in which NaN and infinities are SaidNonFinite. Raises FeatureError: it is none."""
    try:
        # Of bytes json guesses whether they are UTF-16 or UTF-32, of a file of lines of which it sees parts only.
        text = text if isinstance(text, str) else str(text, "utf-8-sig")
        return json.loads(text, object_pairs_hook=_object, parse_constant=SaidNonFinite)
    except FeatureError:
        raise
    except json.JSONDecodeError as error:  # its text says what is wrong, and shows nothing of the line
        raise FeatureError(f"not JSON: {'UTF-16 or UTF-32' if chr(0) in error.doc else error.msg}") from None
    except UnicodeDecodeError:
        raise FeatureError("not JSON: not UTF-8") from None
    except RecursionError:
        raise FeatureError("not JSON that is read here: nested too deeply") from None
    except ValueError:
        raise FeatureError("not JSON that is read here: an integer of too many digits") from None


def is_nested(value: Any) -> bool:
    """Whether objects or lists are in a value that say neither a kind nor bytes: no feature is that."""
    if isinstance(value, dict) and len(value) == 1:
        [(kind, inner)] = value.items()
        value = inner if kind in (INT64, FLOAT32, BYTES) and isinstance(inner, list) else value
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, (dict, list)) and not _is_base64(item) for item in items)


def object_from_json(text: str | bytes) -> dict[str, Any]:
    """The object in a line. Raises FeatureError: there is none, or it has names that no feature can have."""
    given = parse_json(text)
    if not isinstance(given, dict):
        raise FeatureError(f"a record is an object, not a {type(given).__name__}")
    for names in given.values() if is_sequence(given) else (given,):
        for name in names:
            encode_key(name)
    return given


def is_record(given: dict[str, Any]) -> bool:
    """Whether an object stands for a record that is no message."""
    return given.keys() == {_RECORD} and (_is_base64(given[_RECORD]) or _is_text(given[_RECORD]))


def features_from_json(given: Mapping[str, Any], schema: Mapping[str, FeatureSchema] | None) -> dict[str, Any]:
    """The values of all features, or of those that a schema has.

    Raises FeatureError: one of them is none. What is wrong with one by itself goes before what the schema makes wrong,
    which may come of other records: a column is perhaps of integers since this record, and its floats, is left out.
    """
    if schema is None:
        return {name: feature_from_json(value, name, None) for name, value in given.items()}
    taken = {name: value for name, value in given.items() if name in schema}
    try:
        return {name: feature_from_json(value, name, schema[name]) for name, value in taken.items()}
    except FeatureError:
        for name, value in taken.items():
            if value != []:  # for whose kind the schema is needed
                feature_from_json(value, name, None)
        raise


def feature_from_json(value: Any, name: str, feature: FeatureSchema | None) -> Any:
    """A value for `encode_example`. Raises FeatureError: it is none."""
    if value is None:
        return None
    dtype = None if feature is None else feature.dtype
    if isinstance(value, dict) and len(value) == 1:
        [(kind, inner)] = value.items()
        if kind in (INT64, FLOAT32, BYTES) and isinstance(inner, list):
            value, said = inner, kind
            if dtype is not None and said != dtype:
                raise FeatureError(f"is {said}, not {dtype}", name)
            dtype = said
    items = value if isinstance(value, list) else [value]
    values = _values(items, name, dtype)
    if feature is not None and feature.shape is not None and len(items) != (size := math.prod(feature.shape)):
        raise FeatureError(f"holds {len(items)} values, not {size}", name)
    return values


def _values(items: list[Any], name: str, dtype: str | None) -> Any:
    found = kind_of_items(items, name) if items else dtype
    if found is None:
        raise FeatureError('an empty list has no kind: {"int64": []}, {"float32": []} or {"bytes": []} has', name)
    if dtype == FLOAT32 and (found == INT64 or (found == BYTES and _NON_FINITE.issuperset(map(_hashable, items)))):
        found = FLOAT32
    if dtype is not None and found != dtype:
        raise FeatureError(f"is {found}, not {dtype}", name)
    if found == BYTES:
        values = [_bytes_from_json(item, name) for item in items]
        return values or np.empty(0, object)
    if found == FLOAT32:
        return _float32(items, name)
    try:
        return np.array(items, np.int64)
    except OverflowError:
        outside = next(item for item in items if not -(2**63) <= item < 2**63)
        raise FeatureError(f"{outside} is outside int64", name) from None


def _float32(items: list[Any], name: str) -> Any:
    try:
        doubles = np.array([float(item) for item in items], np.float64)
    except OverflowError:  # an integer of more than 300 digits
        raise FeatureError("a number is beyond float32", name) from None
    with np.errstate(over="ignore"):
        floats = doubles.astype(np.float32)
    for at in np.flatnonzero(np.isinf(floats)).tolist():
        if type(items[at]) in (int, float):  # and no text or constant that says that it is infinite
            number = doubles[at] if math.isfinite(doubles[at]) else "a number"
            raise FeatureError(f"{number} is beyond float32", name)
    return floats


def kind_of_items(items: list[Any], name: str) -> str:
    """The kind of a list that is not empty. Raises FeatureError: it has none."""
    types = set(map(type, items))
    if len(types) == 1 and (kind := _KIND_OF_TYPE.get(types.pop())) is not None:
        return kind
    if all(isinstance(item, int) for item in items):
        return INT64
    if any(isinstance(item, float) for item in items):
        if all(isinstance(item, (int, float)) or _hashable(item) in _NON_FINITE for item in items):
            return FLOAT32
    elif all(isinstance(item, str) or _is_base64(item) for item in items):
        return BYTES
    found = ", ".join(sorted({type(item).__name__ for item in items}))
    raise FeatureError(f"a feature is a list of integers, of floats or of texts, not of {found}", name)


def is_sequence(form: dict[str, Any]) -> bool:
    """Whether an object stands for a SequenceExample."""
    return form.keys() == _SEQUENCE and all(isinstance(part, dict) for part in form.values())


def _steps(name: str, steps: Any) -> Iterator[tuple[int, Any]]:
    if not isinstance(steps, list):
        raise FeatureError(f"a feature list is a list of features, not a {type(steps).__name__}", name)
    return enumerate(steps)


def _hashable(item: Any) -> Any:
    return item if isinstance(item, str) else None


def _is_text(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {_TEXT} and isinstance(item[_TEXT], str)


def _is_base64(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {_BASE64} and isinstance(item[_BASE64], str)


def _bytes_from_json(item: Any, name: str) -> bytes:
    try:
        return item.encode() if isinstance(item, str) else base64.b64decode(item[_BASE64], validate=True)
    except UnicodeEncodeError:
        raise FeatureError("text with a lone surrogate is not UTF-8", name) from None
    except (binascii.Error, ValueError):
        raise FeatureError("what is called base64 is not", name) from None


def _bytes_as_json(data: bytes) -> Any:
    text = text_of(data)
    return text if text is not None else {_BASE64: base64.b64encode(data).decode("ascii")}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise FeatureError("stands twice in one object", name)
        found[name] = value
    return found
