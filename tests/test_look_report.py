"""Whatever is in a file, a report of it is a page; and the survey below it says what it has seen."""

import io
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite.look.file_facts import MAX_REGIONS
from tfrecord_lite.look.page import page_of
from tfrecord_lite.look.report import Report, make_report
from tfrecord_lite.look.survey import Survey

VOID = {"meta", "img", "br"}

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
BYTES = st.one_of(
    st.binary(max_size=40),
    NAMES.map(str.encode),
    st.sampled_from(
        [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\0\x10JFIF", b"GIF89a\xff\xff\xff\xff", b"RIFF\0\0\0\0WEBPVP8 "]
    ),
)
VALUES = st.one_of(
    st.none(),
    st.lists(BYTES, max_size=3).map(lambda values: values or None),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(lambda values: np.array(values, np.int64)),
    st.lists(st.floats(width=32), max_size=5).map(lambda values: np.array(values, np.float32)),
)
BOUNDED = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])


class Checker(HTMLParser):
    """Counts tags, and fails where they do not close each other."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def frames_of(records: list[bytes]) -> bytes:
    file = io.BytesIO()
    with tfr.TFRecordWriter(file) as writer:
        for record in records:
            writer.write(record)
    return file.getvalue()


def checked(report: Report) -> Checker:
    page = page_of(report)
    page.encode()
    assert all(character.isprintable() or character == "\n" for character in page)
    checker = Checker(page)
    assert checker.open == []
    assert "script" not in checker.tags
    return checker


@BOUNDED
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=8))
def test_a_report_of_any_examples_is_a_page(examples: list[dict[str, Any]]) -> None:
    report = make_report(io.BytesIO(frames_of([tfr.encode_example(example) for example in examples])))
    assert report.is_sound
    assert report.statistics.records == len(examples)
    assert {feature.name for feature in report.statistics.features} == {
        name for example in examples for name in example
    }
    assert checked(report).tags.count("article") == len(report.statistics.features)


@BOUNDED
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=8), st.data())
def test_a_report_of_any_bytes_is_a_page(records: list[bytes], data: st.DataObject) -> None:
    file = bytearray(frames_of(records))
    for _ in range(data.draw(st.integers(0, 3))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    checked(make_report(io.BytesIO(bytes(file[: data.draw(st.integers(0, len(file)))]))))


def test_a_survey_gives_what_read_examples_gives(tmp_path: Path) -> None:
    for number in range(3):
        with tfr.TFRecordWriter(tmp_path / str(number), "GZIP" if number else "") as writer:
            for step in range(50 * number):
                writer.write_example(
                    {"n": step, "odd": None} if step % 3 else {"n": step, "odd": np.full(step, 0.5, np.float32)}
                )
    survey = Survey(tmp_path)
    found = list(survey.examples())
    np.testing.assert_equal(found, list(tfr.read_examples(tmp_path)))
    assert survey.is_sound
    assert survey.is_complete
    assert [facts.records for facts in survey.files] == [0, 50, 100]
    assert [facts.compression_type for facts in survey.files] == ["", "GZIP", "GZIP"]


@pytest.mark.parametrize("sample", [1, 7, 60, 149, 150, 1000])
def test_a_sample_is_an_equal_share_of_each_file(tmp_path: Path, sample: int) -> None:
    for number in range(3):
        with tfr.TFRecordWriter(tmp_path / str(number)) as writer:
            for step in range(50):
                writer.write_example({"n": 100 * number + step})
    survey = Survey(tmp_path, sample=sample)
    assert len(list(survey.examples())) == min(sample, 150)
    counts = [facts.examples for facts in survey.files]
    assert max(counts) - min(counts) <= 1
    assert survey.is_complete == (sample >= 150)


def test_damage_is_passed_over_and_counted(tmp_path: Path) -> None:
    frame = len(frames_of([tfr.encode_example({"n": 1})]))
    data = bytearray(frames_of([tfr.encode_example({"n": 1})] * 500))
    for number in range(0, 500, 2):
        data[number * frame + 14] ^= 1
    survey = Survey(io.BytesIO(bytes(data)))
    assert len(list(survey.examples())) == 250
    [facts] = survey.files
    assert (facts.region_count, len(facts.regions), facts.lost_bytes) == (250, MAX_REGIONS, 250 * frame)
    assert not survey.is_sound


def test_a_shard_with_other_records_than_the_manifest_lists_is_no_longer_sound(tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        for number in range(10):
            writer.write_example({"n": number})
    first, second = (tmp_path / f"train-0000{number}-of-00002" for number in range(2))
    first.write_bytes(second.read_bytes())
    report = make_report(tmp_path)
    assert not report.is_sound
    assert "other records than were written" in report.files[0].state()
    assert report.files[1].is_sound
    os.truncate(second, 10)
    assert "were written, says _MANIFEST.json" in make_report(tmp_path).files[1].state()


def test_a_page_of_very_many_features_says_what_it_leaves_out() -> None:
    record = tfr.encode_example({f"feature {number:04}": number for number in range(400)})
    page = page_of(make_report(io.BytesIO(frames_of([record] * 3))))
    assert page.count("<article") == 300
    assert page.count('<details class="folded"><summary><h3') == 300
    assert "Details of the first 300 features; those of 100 more are left out." in page
    assert "feature 0399" in page


def test_a_feature_without_a_name_can_be_seen() -> None:
    page = page_of(make_report(io.BytesIO(frames_of([tfr.encode_example({"": 1})] * 20))))
    assert page.count("(no name)") == 3  # among anomalies, in the table, over its details


def test_the_images_on_a_page_are_limited_and_it_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 160, 160, 4), dtype=np.uint8)
    path = tmp_path / "noise"
    with tfr.TFRecordWriter(path) as writer:  # of four channels: PNG, which noise makes large
        for number in range(24):
            pixels = {f"i{n}": noise[(number + n) % 40].tobytes() for n in range(5)}
            writer.write_example({"height": 160, "width": 160, **pixels})
    page = page_of(make_report(path))
    assert len(page) < 6 << 20
    assert "more images are left out" in page
