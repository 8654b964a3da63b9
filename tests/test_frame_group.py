"""FrameGroup: frames that are moved keep their bytes, lengths and CRCs, wherever their pieces are cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from damage import frame
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.format.frame_group import FrameGroup

records = st.lists(st.binary(max_size=40), min_size=1, max_size=12)


def cut(records: list[bytes], cuts: list[int]) -> FrameGroup:
    """Of these records, their bytes cut at some places."""
    whole = FrameGroup.of_frames(list(map(frame, records)))
    data = b"".join(whole.pieces)
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    return FrameGroup([data[begin:end] for begin, end in pairwise(places)], whole.lengths, whole.footers)


def assert_holds(group: FrameGroup, records: list[bytes]) -> None:
    frames = list(map(frame, records))
    assert b"".join(group.pieces) == b"".join(frames)
    assert len(group) == len(records)
    assert group.lengths.tolist() == list(map(len, records))
    assert group.frame_sizes().tolist() == list(map(len, frames))
    assert group.footers.tobytes() == b"".join(each[-4:] for each in frames)


@settings(deadline=None)
@given(records=records, cuts=st.lists(st.integers(0, 1000), max_size=6), data=st.data())
def test_runs_are_the_frames_up_to_each_end(records: list[bytes], cuts: list[int], data: st.DataObject) -> None:
    group = cut(records, cuts)
    assert_holds(group, records)
    ends = sorted({*data.draw(st.lists(st.integers(1, len(records)), max_size=4)), len(records)})
    parts = group.split(ends)
    assert len(parts) == len(ends)
    for part, (begin, end) in zip(parts, pairwise([0, *ends]), strict=True):
        assert_holds(part, records[begin:end])


@settings(deadline=None)
@given(records=records, cuts=st.lists(st.integers(0, 1000), max_size=6), data=st.data())
def test_each_hand_gets_its_frames_in_order(records: list[bytes], cuts: list[int], data: st.DataObject) -> None:
    hands = data.draw(st.lists(st.integers(0, 5), min_size=len(records), max_size=len(records)))
    dealt = list(cut(records, cuts).deal(np.array(hands)))
    assert [hand for hand, _ in dealt] == sorted(set(hands))
    for hand, group in dealt:
        assert_holds(group, [record for record, its in zip(records, hands, strict=True) if its == hand])


def test_a_record_stays_where_its_pieces_are() -> None:
    pieces: list[bytes | memoryview] = [b"one", memoryview(b" record"), b""]
    group = FrameGroup.of_record(pieces)
    assert_holds(group, [b"one record"])
    assert all(stored is given for stored, given in zip(group.pieces[1:-1], pieces, strict=True))
