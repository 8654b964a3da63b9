"""What stands out in files: of their sets of shards, and of features and images."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.look import statistics_sketch
from tfrecord_lite.look.report import Report, make_report


def write(path: Path, *examples: Mapping[str, object]) -> Path:
    with tfr.TFRecordWriter(path) as writer:
        for example in examples:
            writer.write_example(example)
    return path


def texts(report: Report) -> list[str]:
    return [anomaly.text for anomaly in report.anomalies]


def png(mode: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (8, 8)).save(file, "PNG")
    return file.getvalue()


def test_sets_of_one_name_and_of_other_shards_beside_them(tmp_path: Path) -> None:
    names = ["train-00000-of-00002", "train-00001-of-00002", "train-00000-of-00003"]
    paths = [write(tmp_path / name, {"k": number}) for number, name in enumerate(names)]
    found = texts(make_report(paths))
    assert "2 of 3 shards are missing." in found
    assert "there are several sets of shards of this name: of 2, 3 shards." in found
    assert not any("several sets" in text for text in texts(make_report(paths[:2])))
    assert "1 more shard beside these." in texts(make_report(paths[:1]))


def test_features_beyond_the_most_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics_sketch, "_MAX_FEATURES", 3)
    path = write(tmp_path / "a", {f"k{number}": number for number in range(4)})
    report = make_report(path)
    assert "There are more than 3 features; further ones were not looked at." in texts(report)
    assert len(report.statistics.features) == 3


def test_images_of_several_encodings_and_colours(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *({"image": png(mode)} for mode in ("L", "L", "RGB")), {"image": b"GIF89a"})
    found = texts(make_report(path))
    assert "values are not all alike: 3 PNG, 1 GIF." in found
    assert "images have different colours: 2 gray, 1 RGB." in found


def test_files_without_examples_and_files_that_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    found = texts(make_report(tmp_path / "empty"))
    assert {"holds no records.", "There are no examples."} <= set(found)
    path = write(tmp_path / "a", *({"k": np.arange(number)} for number in range(5)))
    path.write_bytes(path.read_bytes()[:-3])
    anomalies = make_report(path).anomalies
    assert anomalies[0].subject == str(path)
    assert anomalies[0].severity == "problem"
