"""The example that trains with tf.data: the model tells cards from the rest, also those it has not seen."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("tensorflow")

SCRIPT = Path(__file__).parent.parent / "examples" / "train_tf_data.py"


def test_the_model_learns_the_specimens_and_tells_others_right(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    accuracies = {name: float(value) for name, value in re.findall(r"^(\w+): ([\d.]+)$", result.stdout, re.MULTILINE)}
    assert accuracies.keys() == {"learned", "others"}
    assert min(accuracies.values()) > 0.95
    assert "ran out of data" not in result.stderr
