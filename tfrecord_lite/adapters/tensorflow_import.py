"""TensorFlow, imported when it is needed, and what to say where it is not."""

from __future__ import annotations

from typing import Any


def import_tensorflow() -> Any:
    """The module. Raises ImportError, which names the extra, where it is not installed."""
    try:
        import tensorflow
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ImportError('this needs TensorFlow: pip install "tfrecord-lite-codec[tf]"') from error
    return tensorflow
