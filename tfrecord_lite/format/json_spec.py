"""The features to be parsed, from JSON: those of a Schema, or written down one by one.

    {"label": {"feature": "FixedLenFeature", "shape": [], "dtype": "int64", "default_value": 0},
     "tokens": {"feature": "VarLenFeature", "dtype": "int64"}}

"feature" names the class, the others are its arguments. Without "feature" it is a FixedLenFeature, or a RaggedFeature
where "shape" is null or not there. Partitions of a RaggedFeature have no form here. JSON with an object "features" in
it is a Schema's. Beside the features, of either form, a text "compression_type" says what the training script calls the
compression of its files.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.features import (
    FixedLenFeature,
    FixedLenSequenceFeature,
    RaggedFeature,
    SparseFeature,
    VarLenFeature,
)
from tfrecord_lite.format.python_literals import SpecError
from tfrecord_lite.format.python_spec import Compression, Spec
from tfrecord_lite.format.schema import Schema, json_object

_FEATURES: dict[str, Any] = {
    cls.__name__: cls for cls in (FixedLenFeature, VarLenFeature, FixedLenSequenceFeature, SparseFeature, RaggedFeature)
}
#: Arguments of which Python would take anything.
_FLAGS = {"allow_missing", "already_sorted", "validate"}


def json_spec(text: str) -> Spec:
    """The spec in the text.

    Raises:
        SpecError: it is none.
    """
    try:
        given = json.loads(text, object_pairs_hook=json_object)
    except RecursionError:
        raise SpecError("something in it is nested too deeply") from None
    except ValueError as error:
        raise SpecError(f"not JSON: {error}") from None
    compressions: tuple[Compression, ...] = ()
    if isinstance(given, dict) and isinstance(given.get("compression_type"), str):  # otherwise a feature's name
        compressions = (Compression(given.pop("compression_type"), None),)
    if not isinstance(given, dict) or not given:
        raise SpecError("an object with features in it is needed")
    inner = given.get("features")
    if isinstance(inner, dict) and "dtype" not in inner:
        try:
            return Spec(dict(Schema.from_json(json.dumps(given)).features), compressions)
        except FeatureError as error:
            raise SpecError(str(error)) from None
    return Spec({name: _feature(name, value) for name, value in given.items()}, compressions)


def _feature(name: str, given: Any) -> Any:
    if not isinstance(given, dict):
        raise SpecError(f"feature {name!r}: an object is needed, not {given!r}")
    arguments = dict(given)
    kind = arguments.pop("feature", None)
    if kind is None:
        kind = "RaggedFeature" if arguments.get("shape") is None else "FixedLenFeature"
        if kind == "RaggedFeature":
            arguments.pop("shape", None)
    if not isinstance(kind, str) or kind not in _FEATURES:
        raise SpecError(f"feature {name!r}: one of {', '.join(_FEATURES)} is needed, not {kind!r}")
    shape = arguments.get("shape")
    if shape is not None and not (isinstance(shape, list) and all(size is None or type(size) is int for size in shape)):
        raise SpecError(f"feature {name!r}: a shape is a list of integers, not {shape!r}")
    for flag in _FLAGS & arguments.keys():
        if not isinstance(arguments[flag], bool):
            raise SpecError(f"feature {name!r}: {flag} is true or false, not {arguments[flag]!r}")
    try:
        inspect.signature(_FEATURES[kind]).bind(**arguments)
    except TypeError as error:
        raise SpecError(f"feature {name!r}: {kind}: {error}") from None
    try:
        return _FEATURES[kind](**arguments)
    except (TypeError, ValueError) as error:
        raise SpecError(f"feature {name!r}: {error}") from None
