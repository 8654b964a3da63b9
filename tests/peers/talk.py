"""How a peer is asked, and how it answers: a verb and a file as arguments, lines of JSON as input and output.

A record is its bytes in hexadecimal digits. An example is {name: [kind, values]}, or {name: null} of a feature without
a kind: bytes in hexadecimal digits, floats as their four bytes likewise, integers in decimal digits, so that nothing is
rounded on the way. A sequence example is [context, {name: [feature, ...]}]. An error comes last: {"error": text}.

Only the standard library: this runs where the peer is installed, and where tfrecord_lite is.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Feature = tuple[str, list[Any]] | None
Verb = Callable[..., Iterable[Any] | None]


def to_line(item: Any) -> Any:
    """A record, an example {name: (kind, values)}, or a pair of context and lists, as JSON has it."""
    if isinstance(item, dict):
        return {name: to_line(feature) for name, feature in item.items()}
    if isinstance(item, (bytes, bytearray, memoryview)):
        return item.hex()
    if isinstance(item, list) or (isinstance(item, tuple) and isinstance(item[0], dict)):
        return [to_line(part) for part in item]
    if item is None:
        return None
    kind, values = item
    if kind == "float_list":
        return [kind, [struct.pack("<f", value).hex() for value in values]]
    return [kind, [value.hex() if kind == "bytes_list" else str(int(value)) for value in values]]


def from_line(line: Any) -> Any:
    """The same backwards."""
    if isinstance(line, dict):
        return {name: feature_from(feature) for name, feature in line.items()}
    if isinstance(line, list):
        context, lists = line
        return from_line(context), {name: list(map(feature_from, features)) for name, features in lists.items()}
    return bytes.fromhex(line)


def feature_from(line: Any) -> Feature:
    if line is None:
        return None
    kind, values = line
    if kind == "float_list":
        return kind, [struct.unpack("<f", bytes.fromhex(value))[0] for value in values]
    return kind, [bytes.fromhex(value) if kind == "bytes_list" else int(value) for value in values]


def serve(verbs: Mapping[str, Verb]) -> None:
    """Does what the arguments ask for: a verb that writes gets the items of the input, one that reads gives items."""
    verb, *arguments = sys.argv[1:]
    try:
        if verb.startswith("write"):
            verbs[verb]([from_line(json.loads(line)) for line in sys.stdin], *arguments)
        else:
            for item in verbs[verb](*arguments) or ():
                sys.stdout.write(json.dumps(to_line(item)) + "\n")
    except Exception as error:  # noqa: BLE001  other people's code, which may raise anything
        sys.stdout.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")
