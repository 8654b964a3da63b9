"""What the figures of a run depend on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version

#: Fewer rounds, or less than all the records, do for trying things out.
MIN_ROUNDS = 5


@dataclass(frozen=True)
class Circumstances:
    """Of one run.

    Attributes:
        rounds: turns of each side.
        scale: the fraction of the records that was used.
        python: its version.
        packages: {distribution: version}.
        processors: how many.
        machine: their kind.
    """

    rounds: int
    scale: float
    python: str
    packages: dict[str, str]
    processors: int | None
    machine: str

    @classmethod
    def of_this_process(cls, rounds: int, scale: float) -> Circumstances:
        """Those of a run here and now."""
        tensorflow, *_ = packages_distributions()["tensorflow"]  # tensorflow, tensorflow-cpu, ...
        packages = {name: version(name) for name in ("numpy", tensorflow, "protobuf", "crc32c")}
        return cls(rounds, scale, platform.python_version(), packages, os.cpu_count(), platform.machine())

    @property
    def is_trial(self) -> bool:
        """Whether the bars do not hold for the figures."""
        return self.rounds < MIN_ROUNDS or self.scale != 1

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        text = (
            f"Python {self.python}, {packages}; {self.processors} processors ({self.machine}); rounds: {self.rounds}."
        )
        if self.is_trial:
            text += f"\nA trial at scale {self.scale:g}: the bars are for scale 1 and {MIN_ROUNDS} rounds or more."
        return text
