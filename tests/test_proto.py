"""The generated message classes match proto/*.proto."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPILER = ROOT / ".venv-proto" / "bin" / "python"
SOURCES = sorted((ROOT / "proto").glob("*.proto"))


@pytest.mark.skipif(not COMPILER.exists(), reason="make proto has not installed the compiler into .venv-proto")
def test_generated_classes_are_what_the_compiler_makes_of_the_sources(tmp_path: Path) -> None:
    targets = [f"tfrecord_lite/proto/{source.name}" for source in SOURCES]
    command = [str(COMPILER), "-m", "grpc_tools.protoc", f"-Itfrecord_lite/proto={ROOT / 'proto'}"]
    subprocess.run([*command, f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *targets], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "tfrecord_lite" / "proto").iterdir()}
    committed = {path.name: path.read_text() for path in (ROOT / "tfrecord_lite" / "proto").glob("*_pb2.py*")}
    assert made == committed


def test_messages_have_the_fields_of_tensorflows() -> None:
    example_pb2 = pytest.importorskip("tensorflow.core.example.example_pb2")
    feature_pb2 = pytest.importorskip("tensorflow.core.example.feature_pb2")
    from tfrecord_lite.proto import example_pb2 as ours

    theirs = dict(example_pb2.DESCRIPTOR.message_types_by_name)
    theirs |= dict(feature_pb2.DESCRIPTOR.message_types_by_name)
    for name, message in ours.DESCRIPTOR.message_types_by_name.items():
        fields = {(field.name, field.number, field.type) for field in message.fields}
        assert fields == {(field.name, field.number, field.type) for field in theirs[name].fields}


def test_the_proto_package_is_our_own() -> None:
    from tfrecord_lite.proto import example_pb2

    assert example_pb2.DESCRIPTOR.package == "tfrecord_lite"
    assert example_pb2.DESCRIPTOR.name == "tfrecord_lite/proto/example.proto"
