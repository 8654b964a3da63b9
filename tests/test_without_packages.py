"""What needs neither protobuf nor Pillow works where they cannot be imported: records, examples, columns, indexes."""

from pathlib import Path

from damage import python

SCRIPT = """
import sys
sys.modules.update({"google": None, "google.protobuf": None, "PIL": None})

import numpy as np
import tfrecord_lite as tfr

path, packed = sys.argv[1:]
examples = [{"n": number, "x": np.ones(3, np.float32), "b": b"bytes"} for number in range(100)]
with tfr.TFRecordWriter(path, index=True) as writer:
    for example in examples[:50]:
        writer.write_example(example)
    writer.write_columns({"n": np.arange(50, 100), "x": np.ones((50, 3), np.float32), "b": [b"bytes"] * 50})
with tfr.TFRecordWriter(packed, tfr.TFRecordOptions("GZIP", seekable=True)) as writer:
    for record in tfr.read_records(path):
        writer.write(record)
assert list(tfr.read_records(packed)) == [tfr.encode_example(example) for example in examples]
assert [int(example["n"][0]) for example in tfr.read_examples(packed)] == list(range(100))
(batch,) = tfr.read_batches(path)
assert batch["n"].tolist() == list(range(100)) and batch["x"].shape == (100, 3)
assert tfr.decode_example(tfr.RecordSource(packed)[-1])["n"].tolist() == [99]
spec = {"n": tfr.FixedLenFeature([], "int64")}
assert tfr.parse_example(list(tfr.read_records(path)), spec)["n"].tolist() == list(range(100))
assert len(tfr.RecordIndex.load(path)) == tfr.count_records(path) == len(list(tfr.salvage(path))) == 100
assert tfr.verify([path, packed]).sound
assert tfr.infer_schema(path).features.keys() == {"n", "x", "b"}
for name in ("Example", "bytes_feature"):
    try:
        getattr(tfr, name)
    except ImportError:
        continue
    raise AssertionError(f"{name} needs protobuf")
"""


def test_records_and_examples_need_neither_protobuf_nor_pillow(tmp_path: Path) -> None:
    done = python(SCRIPT, tmp_path / "a.tfrecord", tmp_path / "a.tfrecord.gz")
    assert done.returncode == 0, done.stderr
