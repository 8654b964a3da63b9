"""What stands between the commas of a CSV: values <-> cells, a column at a time, in the form that `csv_text` states.

Raises FeatureError, with the number of the row, for a cell that is not what the schema says.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

import numpy as np

from tfrecord_lite.adapters.arrow_columns import array_of, import_pyarrow
from tfrecord_lite.adapters.arrow_lists import lists_of
from tfrecord_lite.convert.column_kinds import LIST, OUTSIDE
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.json_form import SaidNonFinite, feature_as_json, feature_from_json
from tfrecord_lite.format.json_kinds import INEXACT, kinds_of_json
from tfrecord_lite.format.lists import Lists

_BASE64 = "base64:"
#: Integers, and what are floats beside them, the same with a schema and without; pyarrow takes 0xff and nan(5), too.
_WHOLE = r"-?[0-9]+"
_POINTED = r"-?(([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|(?i:nan|inf|infinity))"
_FORMS = {"int64": f"^({_WHOLE})$", "float32": f"^({_WHOLE}|{_POINTED})$"}
_FLOAT = f"^({_POINTED})$"
#: Without a schema digits behind a zero are a text: a number would not bring the zero back.
_INTEGER = r"^(0|-?[1-9][0-9]*)$"
#: Integers of so many characters are within int64; of more than the second the first ones are outside of it, too.
_SHORT, _LONG = 18, 30

#: How a cell begins that may be a list.
_LIST_FORM = r"^\[|^\{\"(int64|float32|bytes)\": *\["


def cells_of(lists: Lists, feature: FeatureSchema) -> Any:
    """The text of each cell of a column, large_string with nulls."""
    pa = import_pyarrow()
    import pyarrow.compute as pc

    large = pa.large_string()
    if feature.dtype is None:
        return pa.nulls(len(lists), large)
    if feature.shape != ():
        forms = [None if value is None else json.dumps(feature_as_json(value)) for value in lists.to_list()]
        return _quoted(pa, pc, pa.array(forms, large))
    if feature.dtype == "bytes":
        array = array_of(lists, pa.field(feature.name, pa.binary()))
        try:
            texts = array.cast(pa.large_binary()).cast(large)
            if not pc.any(pc.starts_with(texts, _BASE64)).as_py():
                return _quoted(pa, pc, texts)
        except pa.ArrowInvalid:
            pass
        texts = pa.array([None if item is None else _as_text(item) for item in array.to_pylist()], large)
        return _quoted(pa, pc, texts)
    array = array_of(lists, pa.field(feature.name, pa.int64() if feature.dtype == "int64" else pa.float32()))
    texts = array.cast(large)
    return texts if feature.dtype == "int64" else pc.replace_substring_regex(texts, r"^(-?[0-9]+)$", r"\1.0")


def _quoted(pa: Any, pc: Any, texts: Any) -> Any:
    quote = pa.scalar('"', pa.large_string())
    empty = pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(quote, pc.replace_substring(texts, '"', '""'), quote, empty)


def _as_text(item: bytes) -> str:
    try:
        text = item.decode("utf-8")
    except UnicodeDecodeError:
        text = _BASE64
    return _BASE64 + base64.b64encode(item).decode("ascii") if text.startswith(_BASE64) else text


def column_of(column: Any, feature: FeatureSchema) -> Any:
    """Cells as a column for `encode_columns`. Raises FeatureError with the number of the row."""
    pa = import_pyarrow()
    if feature.dtype is None:
        filled = np.flatnonzero(~column.is_null().to_numpy(zero_copy_only=False))
        if filled.size:
            raise _at("has a value, and no kind in the schema", feature.name, int(filled[0]))
        return Lists.all_missing(len(column))
    if feature.shape != ():
        cells = column.to_pylist()
        return [None if cell is None else _from_form(cell, feature, number) for number, cell in enumerate(cells)]
    if feature.dtype == "bytes":
        import pyarrow.compute as pc

        if not pc.any(pc.starts_with(column, _BASE64)).as_py():
            return lists_of(column, feature.name)
        return [_from_text(cell, feature.name, number) for number, cell in enumerate(column.to_pylist())]
    texts = column.cast(pa.string())
    numbers = _numbers(texts, feature.dtype)
    if numbers is None:
        first = next(row for row in range(len(texts)) if _numbers(texts.slice(row, 1), feature.dtype) is None)
        raise _at(f"is no {feature.dtype}", feature.name, first)
    if feature.dtype == "float32":
        _check_float32(column, numbers, feature.name)
    return lists_of(numbers, feature.name)


def _numbers(texts: Any, dtype: str) -> Any:
    """What texts say; None when one of them is no number."""
    pa = import_pyarrow()
    import pyarrow.compute as pc

    try:
        numbers = texts.cast(pa.int64() if dtype == "int64" else pa.float32())
    except pa.ArrowInvalid:
        return None
    are_forms = pc.match_substring_regex(texts, _FORMS[dtype])
    return None if pc.any(pc.invert(are_forms)).as_py() else numbers


def _check_float32(column: Any, numbers: Any, name: str) -> None:
    """Raise when digits have become an infinite number."""
    values = numbers.to_numpy(zero_copy_only=False)
    for number in np.flatnonzero(np.isinf(values)).tolist():
        text = column[number].as_py().decode()
        if any(character.isdigit() for character in text):
            shown = float(text) if math.isfinite(float(text)) else "a number"
            raise _at(f"{shown} is beyond float32", name, number)


def _from_form(cell: bytes, feature: FeatureSchema, number: int) -> Any:
    try:
        return feature_from_json(json.loads(cell, parse_constant=SaidNonFinite), feature.name, feature)
    except (ValueError, RecursionError) as error:
        reason = error.reason if isinstance(error, FeatureError) else "is no list in JSON"
        raise _at(reason, feature.name, number) from None


def _from_text(cell: bytes | None, name: str, number: int) -> bytes | None:
    if cell is None or not cell.startswith(_BASE64.encode()):
        return cell
    try:
        return base64.b64decode(cell[len(_BASE64) :], validate=True)
    except binascii.Error:
        raise _at("what is called base64 is not", name, number) from None


def found_in_cells(column: Any) -> dict[str, tuple[int, int]]:
    """What cells without a schema are, as `column_kinds` has it: {what: (the first of them, how many)}."""
    pa = import_pyarrow()
    import pyarrow.compute as pc

    if column.null_count == len(column):
        return {}
    texts = column.cast(pa.string())
    if pc.all(pc.match_substring_regex(texts, _LIST_FORM)).as_py():
        lists = _found_in_lists(column)
        if lists is not None:
            return lists
    integers, floats = (
        pc.fill_null(pc.match_substring_regex(texts, form), False).to_numpy(zero_copy_only=False)
        for form in (_INTEGER, _FLOAT)
    )
    others = ~(integers | floats | texts.is_null().to_numpy(zero_copy_only=False))
    lengths = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
    are_short = integers & (lengths <= _SHORT)
    values = pc.if_else(pa.array(are_short), texts, "0").cast(pa.int64()).to_numpy()
    inexact = values.astype(np.float32).astype(np.int64) != values
    outside = np.zeros_like(inexact)
    for number in np.flatnonzero(integers & ~are_short).tolist():
        value = int(texts[number].as_py()[:_LONG])
        outside[number] = not -(2**63) <= value < 2**63
        inexact[number] = not outside[number] and int(np.float32(value)) != value
    met = {"int64": integers & ~outside, "float32": floats, "bytes": others, OUTSIDE: outside, INEXACT: inexact}
    return {what: (int(np.argmax(where)), int(where.sum())) for what, where in met.items() if where.any()}


def _found_in_lists(column: Any) -> dict[str, tuple[int, int]] | None:
    """The same of cells that are lists; None when one of them is none."""
    found: dict[str, tuple[int, int]] = {}
    for number, cell in enumerate(column.to_pylist()):
        if cell is None:
            continue
        try:
            form = json.loads(cell, parse_constant=SaidNonFinite)
        except (ValueError, RecursionError):
            return None
        kinds = kinds_of_json(form)
        if kinds is None or (not kinds and form):
            return None
        for what in ("", *kinds):
            first, count = found.get(LIST + what, (number, 0))
            found[LIST + what] = first, count + 1
    return found


def _at(reason: str, name: str, row: int) -> FeatureError:
    error = FeatureError(reason, name)
    error.record_number = row
    return error
