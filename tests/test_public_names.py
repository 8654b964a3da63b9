"""The front door: every public name is there, documented, and known to type checkers."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import tfrecord_lite as tfr

LAZY = ["__init__.py", "io.py", "python_io.py", "surgery.py", "train.py"]
PACKAGE = Path(tfr.__file__).parent


@pytest.mark.parametrize("name", [name for name in tfr.__all__ if name != "__version__"])
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(tfr, name)
    assert value is getattr(tfr, name)
    if not name[0].isupper() or "Error" in name or name.startswith("TFRecord"):
        assert inspect.getdoc(value)


@pytest.mark.parametrize("file", LAZY)
def test_type_checkers_see_the_names_that_are_loaded_lazily(file: str) -> None:
    module = import_module(f"tfrecord_lite.{file[:-3]}".removesuffix(".__init__"))
    tree = ast.parse((PACKAGE / file).read_text())
    checking = next(node for node in tree.body if isinstance(node, ast.If))
    names = [alias.name for node in checking.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(names) == dir(module)


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert version("tfrecord-lite-codec") == tfr.__version__


@pytest.mark.parametrize(
    "path",
    ["tfr.data", "tfr.io.gfile", "tfr.train.Checkpoint", "tfr.compat.v2", "tfr.compat.v1.Session", "tfr.python_io.x"],
)
def test_a_name_that_is_not_there_says_so(path: str) -> None:
    module, name = path.rsplit(".", 1)
    with pytest.raises(AttributeError, match=f"has no '{name}': ") as caught:
        getattr(eval(module), name)
    assert caught.value.name == name
