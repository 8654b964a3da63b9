"""TensorFlow is imported when it is asked for; where it cannot be, the error says what is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tfrecord_lite.adapters.tensorflow_import import import_tensorflow


def test_it_is_the_module_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tensorflow")
    monkeypatch.setitem(sys.modules, "tensorflow", module)
    assert import_tensorflow() is module


def test_where_it_is_not_installed_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError, match=r'pip install "tfrecord-lite-codec\[tf\]"') as caught:
        import_tensorflow()
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_module_that_it_lacks_itself_is_named_and_not_tensorflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorflow.py").write_text("import a_module_that_tensorflow_needs\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with pytest.raises(ModuleNotFoundError, match="a_module_that_tensorflow_needs") as caught:
        import_tensorflow()
    assert caught.value.name == "a_module_that_tensorflow_needs"
