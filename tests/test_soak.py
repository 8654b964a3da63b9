"""The actions of `make soak` hold, and growth is noticed where there is some."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
import soak.run
from damage import HAS_PROC
from soak.growth import ALLOWANCE, Usage, growth
from soak.rounds import ACTIONS, Action

#: Processes are started and killed.
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_PROC, reason="what a process takes is read from /proc")]

USUAL = Usage(100 << 20, 7, 1, 0)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_an_action_holds_and_leaves_an_empty_folder(action: Action, tmp_path: Path) -> None:
    for seed in range(2):
        assert sum(action(Random(seed), tmp_path).values()) > 0
        assert list(tmp_path.iterdir()) == []


def test_what_a_process_takes_is_seen() -> None:
    before, go = Usage.now(), threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    memory = bytearray(b"x") * (64 << 20)
    with (
        open(__file__),
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child,
    ):
        taken = Usage.now()
        child.kill()
    go.set()
    thread.join()
    assert taken.resident - before.resident > len(memory) - (8 << 20)
    assert taken.descriptors - before.descriptors == 2  # the file, and the pipe to the child
    assert (taken.threads - before.threads, taken.children - before.children) == (1, 1)


@pytest.mark.parametrize(
    ("grown", "words"),
    [
        ({"resident": USUAL.resident + ALLOWANCE + (1 << 20)}, "resident memory grew from 100.0 to 113.0 MiB"),
        ({"descriptors": 8}, "descriptors grew from 7 to 8"),
        ({"threads": 2}, "threads grew from 1 to 2"),
        ({"children": 1}, "children grew from 0 to 1"),
    ],
)
def test_what_stays_larger_has_grown(grown: dict[str, int], words: str) -> None:
    larger = USUAL._replace(**grown)
    assert growth([USUAL] * 6 + [larger] * 3) == [words]
    assert growth([USUAL] * 4 + [larger] + [USUAL] * 4) == []
    assert growth([larger] * 3 + [USUAL] * 6) == []


@pytest.mark.parametrize("leaks", [False, True])
def test_a_soak_fails_when_each_round_leaves_a_file_open(leaks: bool, monkeypatch: Any, capsys: Any) -> None:
    kept = []

    def run_round(seed: int, number: int) -> Counter[str]:
        if leaks:
            kept.append(open(__file__))  # noqa: SIM115 - it leaks
        return Counter(rounds=1)

    monkeypatch.setattr(soak.run, "run_round", run_round)
    try:
        assert soak.run.soak(0, 1) == int(leaks)
    finally:
        for file in kept:
            file.close()
    assert ("descriptors grew" if leaks else "nothing grew") in capsys.readouterr().out
