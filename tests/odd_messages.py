"""Serialized Examples, written in the usual way, in an unusual one, or not quite.

Lists unpacked, in chunks, of two kinds; tags and lengths with more bytes than they need; unknown fields and groups;
entries without name or value, or twice; features in another order, missing, without a kind, empty; bits flipped, bytes
cut. Values are those that `decode_example` gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tfrecord_lite as tfr

Random = np.random.Generator


def varint(value: int, extra: int = 0) -> bytes:
    """Of an unsigned number, with `extra` bytes more than it needs."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(extra):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def field(number: int, payload: bytes, random: Random | None = None) -> bytes:
    """Length-delimited; with `random`, tag and length may be overlong."""
    tag, length = number << 3 | 2, len(payload)
    if random is None or random.random() < 0.7:
        return varint(tag) + varint(length) + payload
    extra = int(random.integers(1, 4))
    return (
        varint(tag, extra) + varint(length) + payload
        if random.random() < 0.5
        else (varint(tag) + varint(length, extra) + payload)
    )


def unknown(random: Random) -> bytes:
    """A field that no message here has."""
    return [
        varint(15 << 3) + varint(int(random.integers(0, 2**40))),
        varint(15 << 3 | 1) + random.bytes(8),
        field(15, random.bytes(3)),
        varint(15 << 3 | 5) + random.bytes(4),
        varint(15 << 3 | 3) + varint(9 << 3) + varint(1) + varint(15 << 3 | 4),
    ][random.integers(5)]


def list_fields(value: Any, random: Random) -> bytes:
    """The inside of a list, its values in any form that is valid."""
    if isinstance(value, list):
        return b"".join(field(1, item, random) for item in value)
    is_float = value.dtype == np.float32
    items = [number.tobytes() if is_float else varint(int(number) & (2**64 - 1)) for number in value]
    tag = varint(1 << 3 | (5 if is_float else 0))
    out = b""
    while items:
        count = int(random.integers(1, len(items) + 1))
        chunk, items = items[:count], items[count:]
        out += field(1, b"".join(chunk), random) if random.random() < 0.5 else b"".join(tag + item for item in chunk)
    return out


def kind_of(value: Any) -> int:
    """Field number in the oneof."""
    if isinstance(value, list):
        return 1
    return 2 if value.dtype == np.float32 else 3


def feature(value: Any, random: Random) -> bytes:
    """A Feature of that value, or of nearly that value."""
    if value is None:
        return b""
    body = list_fields(value, random)
    if random.random() < 0.2:
        body += unknown(random)
    out = field(kind_of(value), body, random)
    roll = random.random()
    if roll < 0.15:
        out += field(kind_of(value), body)
    elif roll < 0.3:
        out = field(int(random.integers(1, 4)), b"") + out
    elif roll < 0.4:
        out += unknown(random)
    return out


def entry(key: str, value: Any, random: Random) -> bytes:
    """An entry of the map; sometimes incomplete, twofold or the wrong way round."""
    name, inside = field(1, key.encode(), random), field(2, feature(value, random), random)
    return [name + inside, name + inside, name + inside, inside + name, inside, name, name + inside + inside,
            name + name + inside, name + inside + unknown(random)][random.integers(9)]  # fmt: skip


def usual_record(example: dict[str, Any]) -> bytes:
    """An Example as this package writes it."""
    no_bytes = np.empty(0, object)
    return tfr.encode_example(
        {key: no_bytes if isinstance(value, list) and not value else value for key, value in example.items()}
    )


def odd_record(example: dict[str, Any], random: Random) -> bytes:
    """An Example written in an unusual way, perhaps damaged."""
    entries = [field(1, entry(key, value, random), random) for key, value in example.items()]
    if random.random() < 0.3:
        entries.append(entries[random.integers(len(entries))])
    if random.random() < 0.3:
        entries = [entries[at] for at in random.permutation(len(entries))]
    if random.random() < 0.2:
        entries.append(unknown(random))
    cut = int(random.integers(0, len(entries) + 1)) if random.random() < 0.3 else len(entries)
    record = field(1, b"".join(entries[:cut]), random)
    if cut < len(entries):
        record += field(1, b"".join(entries[cut:]))
    if random.random() < 0.2:
        record += unknown(random)
    return record


def damaged(record: bytes, random: Random) -> bytes:
    """Some bytes changed, or cut off."""
    data = bytearray(record)
    for at in random.integers(0, len(data), random.integers(1, 3)).tolist():
        data[at] ^= int(random.integers(1, 256))
    return bytes(data if random.random() < 0.7 else data[: random.integers(0, len(data))])


def varied(example: dict[str, Any], random: Random) -> dict[str, Any]:
    """The same features in another order, without one, without a kind, empty, or of another length."""
    changed = dict(example)
    key = list(changed)[random.integers(len(changed))]
    value = changed[key]
    roll = random.integers(6)
    if roll == 0:
        del changed[key]
    elif roll == 1:
        changed[key] = None
    elif roll == 2:
        changed[key] = value[:0]
    elif roll == 3:
        changed[key] = value * 2 if isinstance(value, list) else np.concatenate((value, value))
    elif roll == 4:
        changed[key] = np.arange(2) if isinstance(value, list) else [b"another kind"]
    else:
        keys = list(changed)
        changed = {keys[at]: changed[keys[at]] for at in random.permutation(len(keys))}
    return changed


def sequence_entry(key: str, values: list[Any], random: Random) -> bytes:
    """An entry of the map of feature lists, with the same oddities as `entry`."""
    body = b"".join(field(1, feature(value, random), random) for value in values)
    if random.random() < 0.2:
        body += unknown(random)
    name, inside = field(1, key.encode(), random), field(2, body, random)
    return [name + inside, name + inside, inside + name, inside, name, name + inside + inside,
            name + inside + unknown(random)][random.integers(7)]  # fmt: skip


def odd_sequence_record(context: dict[str, Any], lists: dict[str, list[Any]], random: Random) -> bytes:
    """A SequenceExample written in an unusual way: either part first, split, or twice."""
    entries = [field(1, sequence_entry(key, values, random), random) for key, values in lists.items()]
    if entries and random.random() < 0.3:
        entries.append(entries[random.integers(len(entries))])
    cut = int(random.integers(0, len(entries) + 1))
    # An Example and the context of a SequenceExample are the same bytes.
    parts = [odd_record(context, random), field(2, b"".join(entries[:cut]), random)]
    parts.append(field(2, b"".join(entries[cut:]), random))
    if random.random() < 0.2:
        parts.append(unknown(random))
    return b"".join(parts[at] for at in random.permutation(len(parts)))
