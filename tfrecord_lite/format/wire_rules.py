"""The ways in which a record can be written so that TensorFlow reads it otherwise than protobuf does.

    split-list         a list in several chunks, or packed and unpacked: TensorFlow reads the first chunk
    repeated-kind      the same kind twice in a Feature: the first
    two-kinds          two kinds in a Feature: the first, protobuf the last
    overlong-tag       a tag in more bytes than it needs: what it stands before is passed over, or the record refused
    unknown-field      a field that no Feature, list or Features has: refused
    incomplete-entry   an entry of the map without its key or its value, or with one of them twice: refused
    lost-entry         an entry with another field in it: refused; protobuf drops it
    duplicate-key      the same key twice: the last one counts, for both; if it has a kind
    key-not-utf8       protobuf refuses the record
    broken-message     protobuf refuses the record, TensorFlow takes what it understands of it
    not-an-example     both refuse the record
    misread            none of these, but they differ

and of SequenceExamples:

    value-first        an entry with its value before its key: refused
    mixed-steps        steps of different kinds in one feature list: refused, whatever kind is asked for
    broken-lists       both refuse the record as a SequenceExample; as an Example it can be read
"""

from __future__ import annotations

from tfrecord_lite.format.findings import ERROR, WARNING, Rule

_REWRITE = "write the example again in the canonical way (lint --fix OUT)"
_BY_HAND = "the record has to be written again from its source"

SPLIT_LIST = Rule("split-list", ERROR, _REWRITE, True)
REPEATED_KIND = Rule("repeated-kind", ERROR, _REWRITE, True)
TWO_KINDS = Rule("two-kinds", ERROR, f"{_REWRITE}, which keeps the last kind, or make up your mind", True)
OVERLONG_TAG = Rule("overlong-tag", ERROR, _REWRITE, True)
UNKNOWN_FIELD = Rule("unknown-field", ERROR, f"{_REWRITE}, which drops the field", True)
INCOMPLETE_ENTRY = Rule("incomplete-entry", ERROR, _REWRITE, True)
LOST_ENTRY = Rule("lost-entry", ERROR, _BY_HAND)
DUPLICATE_KEY = Rule("duplicate-key", WARNING, f"{_REWRITE}, which keeps the last one, or give them two names", True)
KEY_NOT_UTF8 = Rule("key-not-utf8", ERROR, f"{_BY_HAND}, with another name for the feature")
BROKEN_MESSAGE = Rule("broken-message", ERROR, _BY_HAND)
NOT_AN_EXAMPLE = Rule("not-an-example", ERROR, "leave the record out, or do not parse these files as Examples")
MISREAD = Rule("misread", ERROR, _REWRITE, True)
VALUE_FIRST = Rule("value-first", ERROR, _REWRITE, True)
MIXED_STEPS = Rule("mixed-steps", ERROR, f"{_BY_HAND}, with steps of one kind")
BROKEN_LISTS = Rule("broken-lists", WARNING, f"nothing, if these are Examples; else {_BY_HAND}")

#: Where one of them is found, the canonical bytes would hold less than the record.
LOSING = frozenset((LOST_ENTRY, KEY_NOT_UTF8, BROKEN_MESSAGE, BROKEN_LISTS))

#: What TensorFlow says of a record that its parser does not take.
REJECTS = "raises InvalidArgumentError: Could not parse example input"
#: The same of a SequenceExample.
REJECTS_SEQUENCE = "raises InvalidArgumentError: Invalid protocol message input"
