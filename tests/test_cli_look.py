"""tfrecord-lite info, head, cat, sample, stats, gallery, report."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tfrecord_lite as tfr

pytest.importorskip("sklearn")
from sklearn.datasets import load_digits

COMMAND = [sys.executable, "-m", "tfrecord_lite"]
EVIL = "<script>alert(1)</script>\"'&\x1b]0;owned\x07\u202e"


def run(*arguments: object, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, env={**os.environ, **environment}
    )
    return subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode(errors="replace"), result.stderr.decode()
    )


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """200 real digits: an image, a label, its name, and 16 numbers."""
    data = load_digits()
    path = tmp_path / "digits.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(200):
            image, label = data.images[number], int(data.target[number])
            name = "even" if label % 2 == 0 else "odd"
            writer.write_example(
                {"image": png(image * 15), "label": label, "class": name, "row": image[3].astype(np.float32)}
            )
    return path


@pytest.fixture
def damaged(digits: Path, tmp_path: Path) -> Path:
    data = bytearray(digits.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "damaged").write_bytes(data)
    return tmp_path / "damaged"


@pytest.fixture
def shards(digits: Path, tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    assert run("split", digits, "-o", tmp_path / "set" / "train", "--shards", 4).returncode == 0
    return tmp_path / "set"


# info


def test_info_shows_the_schema_of_all_files(digits: Path) -> None:
    result = run("info", digits)
    assert result.returncode == 0
    assert f"{digits}: 200 records, " in result.stdout
    assert "all CRCs sound" in result.stdout
    assert str(tfr.infer_schema(digits)) in result.stdout
    found = json.loads(run("info", "--json", digits).stdout)
    assert tfr.Schema.from_json(json.dumps(found["schema"])) == tfr.infer_schema(digits)
    assert (found["sound"], found["complete"], found["records"]) == (True, True, 200)


def test_info_finds_the_shards_that_are_missing(shards: Path) -> None:
    (shards / "_MANIFEST.json").unlink()
    assert run("info", shards).returncode == 0
    (shards / "train-00001-of-00004").unlink()
    result = run("info", shards)
    assert result.returncode == 1
    assert f"{shards}/train: 3 of 4 shards, missing: 1\n" in result.stdout
    result = run("info", shards / "train-00000-of-00004")
    assert "1 of 4 shards, 2 more beside them, not looked at, missing: 1\n" in result.stdout
    [found] = json.loads(run("info", "--json", shards).stdout)["shard_sets"]
    assert (found["found"], found["missing_count"], found["missing"]) == (3, 1, [[1, 1]])


def test_info_names_the_shard_that_the_manifest_lists_and_is_missing(shards: Path) -> None:
    (shards / "train-00001-of-00004").unlink()
    result = run("info", shards)
    assert result.returncode == 1
    assert f"{shards}/train-00001-of-00004: No such file or directory\n" in result.stdout
    assert "150 records" in result.stdout


def test_a_shard_of_a_huge_set_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x-00007-of-99999999999"
    with tfr.TFRecordWriter(path) as writer:
        writer.write(b"")
    result = run("info", path)
    assert "1 of 99,999,999,999 shards, missing: 0 to 6, 8 to 99999999998" in result.stdout


def test_info_looks_at_the_beginning_of_a_large_file_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(100):
            writer.write_example({"number": number, "noise": bytes(1 << 20)})
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    result = run("info", path)
    assert result.returncode == 0
    assert "about 100 records" in result.stdout
    assert "the rest was not looked at" in result.stdout
    assert "`tfrecord-lite verify` checks every CRC" in result.stdout
    [found] = json.loads(run("info", "--json", path).stdout)["files"]
    assert (found["complete"], found["records"], found["records_from"]) == (False, 100, "estimate")
    assert 64 <= found["checked_records"] < 70
    tfr.RecordIndex.build(path, verify="headers").save()
    [found] = json.loads(run("info", "--json", path).stdout)["files"]
    assert (found["records"], found["records_from"]) == (100, "index")


def test_info_goes_on_after_damage_and_what_is_missing(digits: Path, damaged: Path, tmp_path: Path) -> None:
    result = run("info", damaged, tmp_path / "nowhere", digits)
    assert result.returncode == 1
    assert "then: corrupted record #" in result.stdout
    assert f"{tmp_path}/nowhere: No such file or directory\n" in result.stdout
    assert f"{digits}: 200 records" in result.stdout
    assert "something wrong with 2" in result.stdout


def test_info_of_many_sound_files_is_short(tmp_path: Path) -> None:
    for number in range(30):
        with tfr.TFRecordWriter(tmp_path / f"{number:02}.tfrecord") as writer:
            writer.write(b"")
    lines = run("info", tmp_path).stdout.splitlines()
    assert lines[0].startswith("30 files, 30 records")
    assert len(json.loads(run("info", "--json", tmp_path).stdout)["files"]) == 30


def test_info_of_very_many_files_looks_at_some_of_them(tmp_path: Path) -> None:
    for number in range(300):
        with tfr.TFRecordWriter(tmp_path / f"{number:03}") as writer:
            writer.write_example({"a": number})
    result = run("info", tmp_path)
    assert result.returncode == 0
    assert "300 files, about 300 records" in result.stdout
    assert "nothing wrong with the 250 looked at" in result.stdout
    assert "Not everything was looked at" in result.stdout
    found = json.loads(run("info", "--json", tmp_path).stdout)
    assert sum(file["complete"] for file in found["files"]) == 250
    assert (found["complete"], found["records"], found["records_are_exact"]) == (False, 300, False)


# head, cat, sample


def test_head_is_a_table_where_it_fits(digits: Path) -> None:
    lines = run("head", "-n", 3, digits, "--columns", "label,image,class").stdout.splitlines()
    assert lines[0].split() == ["#", "label", "image", "class"]
    assert lines[1].startswith("0  0      <PNG 8x8 gray, ")
    assert lines[2].endswith('"odd"')
    assert len(lines) == 4
    narrow = run("head", "-n", 1, digits, COLUMNS="40").stdout.splitlines()
    assert narrow[0].startswith("#0 example, ")
    assert [line.split(":")[0] for line in narrow[1:]] == ["  class", "  image", "  label", "  row"]
    narrow = run("head", "-n", 1, digits, "--columns", "row,label", COLUMNS="20").stdout.splitlines()
    assert [line.split(":")[0] for line in narrow[1:]] == ["  row", "  label"]


def test_a_damaged_image_is_described(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "bad") as writer:
        writer.write_example({"image": b"\x89PNG\xff"})
    assert "<PNG damaged header, 5 bytes>" in run("head", tmp_path / "bad").stdout


def test_where_chooses_records_by_their_numbers_in_the_files(digits: Path) -> None:
    labels = load_digits().target[:200]
    lines = run("head", "-n", 1000, digits, "--where", "label == 3", "--columns", "label").stdout.splitlines()
    assert [int(line.split()[0]) for line in lines[1:]] == np.flatnonzero(labels == 3).tolist()
    rows = run("cat", digits, "--where", '"class" == "odd" and label > 7', "--columns", "label").stdout.splitlines()
    assert [json.loads(row) for row in rows] == [{"label": [9]}] * int((labels == 9).sum())


def test_a_number_beyond_any_count_is_all(digits: Path) -> None:
    done = run("head", "-n", 10**20, "--json", digits)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 200)


def test_columns_that_are_nowhere_are_not_passed_over_in_silence(digits: Path) -> None:
    result = run("head", digits, "--columns", "label,lable")
    assert result.returncode == 1
    assert "none of the records that were printed has a feature 'lable'" in result.stderr
    assert result.stdout.startswith("#  label\n")


def test_a_name_with_a_comma_can_be_a_column(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "comma") as writer:
        writer.write_example({"a,b": 1, "c": 2})
    result = run("cat", tmp_path / "comma", "--columns", "c", "--columns", "a,b")
    assert (result.returncode, result.stdout) == (0, '{"c": [2], "a,b": [1]}\n')


@pytest.mark.parametrize("command", ["head", "cat", "sample"])
def test_conditions_that_cannot_hold_are_errors(command: str, digits: Path) -> None:
    result = run(command, digits, "--where", "nope == 1")
    assert (result.returncode, result.stderr) == (1, "tfrecord-lite: no record has a feature 'nope'\n")
    result = run(command, digits, "--where", 'label == "three"')
    assert result.returncode == 1
    assert f"{digits}: record #0 at offset 0: feature 'label': holds int64" in result.stderr
    result = run(command, digits, "--where", "import os")
    assert result.returncode == 2
    assert "no condition" in result.stderr


def test_a_record_that_is_no_example_is_an_error_for_a_condition(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "odd") as writer:
        writer.write_example({"a": 1})
        writer.write(b"\xff\xff")
    result = run("cat", tmp_path / "odd", "--where", "a == 1")
    assert result.returncode == 1
    assert "record #1 at offset " in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_sample_without_a_file_prints_records_at_random(digits: Path) -> None:
    result = run("sample", digits, "-n", 4, "--seed", 3, "--columns", "label")
    numbers = [int(line.split()[0]) for line in result.stdout.splitlines()[1:]]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 4
    assert result.stdout == run("sample", digits, "-n", 4, "--seed", 3, "--columns", "label").stdout
    assert result.stdout != run("sample", digits, "-n", 4, "--seed", 4, "--columns", "label").stdout
    assert len(run("sample", digits, "--json").stdout.splitlines()) == 5
    assert len(run("sample", digits, "--where", "label == 3", "-n", 500, "--json").stdout.splitlines()) == 21
    assert len(run("sample", "-", "--json", stdin=digits.read_bytes()).stdout.splitlines()) == 5


@pytest.mark.parametrize(
    "arguments",
    [["--fraction", "0.1"], ["-o", "x"], ["-o", "x", "-n", "1", "--where", "a == 1"], ["--compression", "GZIP"]],
)
def test_what_sample_cannot_do_is_wrong_usage(arguments: list[str], digits: Path) -> None:
    result = run("sample", digits, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


# stats


def test_stats_are_a_line_a_feature(digits: Path) -> None:
    result = run("stats", digits)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "4 features, 200 examples looked at"
    assert [line.split()[0] for line in lines[2:]] == ["class", "image", "label", "row"]
    assert '"odd" ' in lines[2]
    assert "8x8 px" in lines[3]
    assert "PNG gray" in lines[3]
    assert "█" in lines[4]
    assert "#" in run("stats", digits, PYTHONIOENCODING="ascii").stdout.splitlines()[4]
    found = json.loads(run("stats", "--json", digits).stdout)
    assert found["features"]["label"]["kinds"]["int64"]["values"]["distinct"] == 10
    assert found["files"][0]["sound"] is True


def test_stats_say_how_many_more_values_there_are(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "words") as writer:
        for number in range(1000):
            writer.write_example({"word": str(number % 500)})
    assert '"0" 0.2 %, "1" 0.2 %, "10" 0.2 %, "100" 0.2 %, 496 more\n' in run("stats", tmp_path / "words").stdout


def test_stats_of_a_damaged_file_are_of_its_sound_records(damaged: Path) -> None:
    result = run("stats", damaged)
    assert result.returncode == 1
    assert "199 examples looked at" in result.stdout
    assert f"{damaged}: damaged in 1 place, " in result.stderr
    assert json.loads(run("stats", "--json", damaged).stdout)["files"][0]["regions"][0]["begin"] > 0


def test_stats_of_a_sample_say_how_much_was_looked_at(digits: Path) -> None:
    assert "50 examples looked at" in run("stats", "--sample", 50, digits).stdout
    assert json.loads(run("stats", "--sample", 50, "--json", digits).stdout)["complete"] is False
    assert json.loads(run("stats", "--json", digits).stdout)["complete"] is True


def test_records_that_are_no_examples_are_counted(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "mixed") as writer:
        for number in range(10):
            writer.write(b"\xff text" if number % 3 == 1 else tfr.encode_example({"n": number}))
    result = run("stats", tmp_path / "mixed")
    assert result.returncode == 0
    assert "7 examples looked at" in result.stdout
    assert "3 of the 10 records are no Examples" in result.stderr
    assert "mixed: 3 of the 10 records are no Examples\n" in run("info", tmp_path / "mixed").stdout


def test_info_of_records_of_another_kind_says_that_they_are_no_examples(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "text") as writer:
        for _ in range(2000):
            writer.write(b"\xff text")
    result = run("info", tmp_path / "text")
    assert result.returncode == 0
    assert "text: none of the 1,000 records that were decoded is an Example\n" in result.stdout


def test_stats_and_reports_of_records_of_another_kind_say_so_and_fail(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "text") as writer:
        for _ in range(20):
            writer.write(b"\xff text")
    result = run("stats", tmp_path / "text")
    assert (result.returncode, result.stdout) == (1, "0 features, 0 examples looked at\n")
    assert "text: none of the 20 records is an Example\n" in result.stderr
    assert "there are no Examples to look at: head shows records of any kind\n" in result.stderr
    assert run("stats", "--json", tmp_path / "text").returncode == 1
    for quiet in ((), ("--quiet",)):
        result = run("report", tmp_path / "text", "-o", tmp_path / "page.html", *quiet)
        assert result.returncode == 1
        assert "there are no Examples to look at: head shows records of any kind\n" in result.stderr
    assert "none of the 20 records is an Example." in (tmp_path / "page.html").read_text()
    (tmp_path / "empty").touch()
    assert run("stats", tmp_path / "empty").returncode == 0


def test_statistics_are_of_the_context_of_sequence_examples(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "sequences") as writer:
        writer.write(tfr.encode_sequence_example({"id": 1}, {"words": ["a", "b"]}))
    result = run("stats", tmp_path / "sequences")
    assert result.returncode == 0
    assert "id" in result.stdout
    assert "words" not in result.stdout
    assert "SequenceExamples: only their context was looked at; schema shows their feature lists" in result.stderr


def test_standard_input_and_urls_are_looked_at(digits: Path) -> None:
    assert run("stats", "-", stdin=digits.read_bytes()).stdout == run("stats", digits).stdout
    assert "<stdin>: 200 records, all CRCs sound" in run("info", "-", stdin=digits.read_bytes()).stdout
    pytest.importorskip("fsspec")
    assert run("stats", f"file://{digits}").stdout == run("stats", digits).stdout


def test_standard_input_has_one_name_in_text_json_and_errors(digits: Path) -> None:
    data = bytearray(digits.read_bytes())
    data[-1] ^= 1
    text = run("info", "-", stdin=bytes(data)).stdout
    assert text.startswith("<stdin>: 199 records, then: corrupted record #199 at offset ")
    (file,) = json.loads(run("info", "--json", "-", stdin=bytes(data)).stdout)["files"]
    assert file["path"] == file["error"]["path"] == "<stdin>"
    (verified,) = json.loads(run("verify", "--json", "-", stdin=bytes(data)).stdout)["files"]
    assert verified["path"] == "<stdin>"


# gallery


def test_gallery_is_a_png_of_the_images(digits: Path, tmp_path: Path) -> None:
    result = run("gallery", digits, "-o", tmp_path / "sheet.png", "-n", 12)
    assert result.returncode == 0
    assert "12 images of image, labelled by label" in result.stdout
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 4 * 160
    facts = json.loads(run("gallery", digits, "-o", tmp_path / "b.png", "--label-feature", "class", "--json").stdout)
    assert facts["images"] == 48
    assert facts["label_features"] == ["class"]
    done = run("gallery", digits, "-o", tmp_path / "c.png", "--label-feature", "nope")
    assert (done.returncode, done.stderr) == (1, "tfrecord-lite: no record with an image has a label in nope\n")
    assert not (tmp_path / "c.png").exists()
    assert run("gallery", digits, "-o", "-", "-n", 1).stdout.startswith("\ufffdPNG")


def test_gallery_of_what_a_condition_chooses(digits: Path, tmp_path: Path) -> None:
    arguments = ["gallery", digits, "-o", tmp_path / "a.png", "--json", "--where", "label == 3"]
    assert json.loads(run(*arguments).stdout)["images"] == 21


def test_gallery_draws_the_raw_pixels_of_the_card_checker(tmp_path: Path) -> None:
    subprocess.run([*COMMAND, "demo", "--out", "demo"], cwd=tmp_path, check=True, capture_output=True)
    result = run("gallery", tmp_path / "demo" / "images.tfrecords", "-o", tmp_path / "sheet.png")
    assert (result.returncode, result.stderr) == (0, "")
    assert "48 images of image/image_id_raw, labelled by image/label\n" in result.stdout


def test_gallery_without_images_says_so_and_leaves_no_file(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "plain") as writer:
        writer.write_example({"a": 1})
    result = run("gallery", tmp_path / "plain", "-o", tmp_path / "sheet.png")
    assert result.returncode == 1
    assert "no feature was found to hold images" in result.stderr
    assert not (tmp_path / "sheet.png").exists()
    result = run("gallery", tmp_path / "plain", "-o", tmp_path / "sheet.png", "--image-feature", "b\x1b")
    assert r"no record has an image in b\x1b" in result.stderr


def test_gallery_of_nothing_that_a_condition_chooses_says_so(digits: Path, tmp_path: Path) -> None:
    result = run("gallery", digits, "-o", tmp_path / "sheet.png", "--where", "label == 11")
    assert result.returncode == 1
    assert "--where holds for none of 200 examples" in result.stderr


def test_gallery_shows_what_is_wrong_with_images(digits: Path, tmp_path: Path) -> None:
    with tfr.TFRecordWriter(digits, mode="a") as writer:
        writer.write_example({"image": b"\x89PNG\r\n\x1a\n cut", "label": 0})
        writer.write_example({"image": b"", "label": 0})
    result = run("gallery", digits, "-o", tmp_path / "sheet.png", "-n", 1000)
    assert result.returncode == 0
    assert "202 images of image, labelled by label, 2 of them cannot be shown" in result.stdout


# report


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.tags if name == tag)


def report_of(path: Path, tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], str]:
    result = run("report", path, "-o", tmp_path / "report.html", *arguments)
    return result, (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_report_says_everything_once_and_the_same_each_time(digits: Path, tmp_path: Path) -> None:
    result, page = report_of(digits, tmp_path)
    assert result.returncode == 0
    assert "200 examples, 4 features, 0 problems" in result.stdout
    assert page == report_of(digits, tmp_path)[1]
    reader = Reader(page)
    words = " ".join(reader.text)
    for expected in ("digits.tfrecord", "all sound", "Summary", "Anomalies", "Features", "Images", "PNG 8x8 gray"):
        assert expected in words
    assert len(list(reader.of("img"))) == 24
    assert run("report", digits, "-o", "-").stdout.startswith("<!doctype html>")


def test_the_report_needs_nothing_from_a_network_and_no_script(digits: Path, tmp_path: Path) -> None:
    reader = Reader(report_of(digits, tmp_path)[1])
    assert not {"script", "link", "iframe", "object", "embed", "form"} & {tag for tag, _ in reader.tags}
    for _, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,", "data:image/jpeg;base64,"))
    [policy] = [tag["content"] for tag in reader.of("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    assert (policy or "").startswith("default-src 'none'")


def test_the_report_can_be_read_by_ear(digits: Path, tmp_path: Path) -> None:
    reader = Reader(report_of(digits, tmp_path)[1])
    names = [tag for tag, _ in reader.tags]
    assert [name for name in names if name in ("header", "nav", "main", "footer", "h1")] == [
        "header", "h1", "nav", "main", "footer",
    ]  # fmt: skip
    levels = [int(name[1]) for name in names if name in ("h1", "h2", "h3", "h4")]
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert all(attributes.get("alt") for attributes in reader.of("img"))
    assert all(attributes.get("aria-label") or attributes.get("aria-hidden") for attributes in reader.of("svg"))
    assert names.count("caption") == names.count("table")
    [html] = reader.of("html")
    assert html["lang"] == "en"
    assert next(iter(reader.of("a")))["href"] == "#main"
    identifiers = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for _, attributes in reader.tags:
        for reference in (attributes.get("aria-labelledby"), (attributes.get("href") or "").removeprefix("#")):
            assert not reference or reference in identifiers


def test_nothing_from_the_data_becomes_part_of_the_page(tmp_path: Path) -> None:
    path = tmp_path / "<b onmouseover=alert(1)>&.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(20):
            writer.write_example(
                {EVIL: number % 2, "text": EVIL, "image": png(np.eye(8)), "label": EVIL, f"{EVIL}2": None}
            )
    result, page = report_of(path, tmp_path)
    assert result.returncode == 0
    reader = Reader(page)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert not {"\x1b", "\x07", "\u202e"} & set(page)
    assert "<script>alert(1)</script>" in "".join(reader.text)


def test_the_report_lists_what_stands_out(tmp_path: Path) -> None:
    path = tmp_path / "odd"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(100):
            example = {
                "mixed": number if number % 2 else "text",
                "constant": 7,
                "nan": float("nan") if number == 5 else 0.5 * number,
                "sometimes": number,
                "rare": number,
                "image": png(np.eye(8) * 100) if number else b"\x89PNG\r\n\x1a\n\0\0\0\0IHDR",
                "empty": np.array([], np.int64) if number == 3 else number,
            }
            if number % 4 == 0:
                del example["sometimes"]
            if number > 1:
                del example["rare"]
            writer.write_example(example)
        writer.write(b"\xff no example")
    result = run("report", path, "-o", tmp_path / "report.html", "--json")
    assert result.returncode == 0
    found = [(each["severity"], each["subject"], each["text"]) for each in json.loads(result.stdout)["anomalies"]]
    problems = {(subject, text) for severity, subject, text in found if severity == "problem"}
    notices = {(subject, text) for severity, subject, text in found if severity == "notice"}
    assert problems == {
        (str(path), "1 of the 101 records is no Example."),
        ("mixed", "is of several kinds, which cannot be parsed: bytes in 50 records, int64 in 50 records."),
        ("nan", "1 NaN among 100 values."),
        ("image", "the headers of 1 of 100 images cannot be read."),
    }
    assert notices == {
        ("constant", "is the same everywhere: 7."),
        ("sometimes", "is missing from some examples: 25 absent."),
        ("rare", "is nearly empty: it holds something in 2 of 100 examples."),
        ("empty", "is a list without values in 1 example."),
    }


def test_the_report_of_damaged_and_missing_files_shows_them(damaged: Path, shards: Path, tmp_path: Path) -> None:
    (shards / "_MANIFEST.json").unlink()
    (shards / "train-00003-of-00004").unlink()
    result = run("report", damaged, shards, tmp_path / "nowhere", "-o", tmp_path / "report.html")
    assert result.returncode == 1
    words = " ".join(Reader((tmp_path / "report.html").read_text(encoding="utf-8")).text)
    assert "2 of 5 files damaged" in words
    assert "damaged in 1 place" in words
    assert "1 of 4 shards are missing." in words
    assert "No such file or directory" in words


@pytest.mark.parametrize("command", ["gallery", "report"])
def test_the_data_cannot_be_overwritten(command: str, digits: Path, tmp_path: Path) -> None:
    before = digits.read_bytes()
    (tmp_path / "link").symlink_to(digits)
    for output in (digits, tmp_path / "link"):
        result = run(command, digits, "-o", output)
        assert result.returncode == 2
        assert "is one of the files that are read" in result.stderr
    assert digits.read_bytes() == before


def test_the_report_of_nothing_is_a_page(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "nothing"):
        pass
    result, page = report_of(tmp_path / "nothing", tmp_path)
    assert result.returncode == 0
    assert "holds no records." in page


@pytest.mark.parametrize("command", ["report", "gallery"])
def test_a_fifo_is_written_to_and_stays_one(command: str, digits: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb") as reader:
        assert run(command, digits, "--sample", 3, "-o", fifo).returncode == 0  # what a pipe holds at once
        assert reader.read(4) in (b"<!do", b"\x89PNG")
    assert fifo.is_fifo()


@pytest.mark.parametrize("command", ["report", "gallery"])
def test_a_directory_is_no_output_and_is_named(command: str, digits: Path, tmp_path: Path) -> None:
    result = run(command, digits, "-o", tmp_path)
    assert result.returncode != 0
    assert result.stderr == f"tfrecord-lite: {tmp_path}: Is a directory\n"
    assert list(tmp_path.iterdir()) == [digits]


def test_a_report_that_cannot_be_written_leaves_nothing(digits: Path, tmp_path: Path) -> None:
    result = run("report", digits, "-o", tmp_path / "no" / "report.html")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["stats", "info", "head"])
def test_names_from_data_cannot_act_on_the_terminal(command: str, tmp_path: Path) -> None:
    path = tmp_path / f"evil{EVIL[25:]}"
    with tfr.TFRecordWriter(path) as writer:
        writer.write_example({EVIL: EVIL, "image": png(np.eye(3))})
    for arguments in ((command, path), (command, path, "--json")):
        result = run(*arguments)
        assert result.returncode == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout + result.stderr)
