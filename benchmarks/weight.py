"""How much of a disk an installation takes, with everything that it needs."""

from __future__ import annotations

from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tfrecord_lite


def weights(module: str) -> dict[str, float]:
    """{distribution: MB} of the one that has `module` and all that it needs, the heaviest first. MB are 10^6 bytes."""
    found: dict[str, float] = {}
    waiting = list(packages_distributions()[module])
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:  # a requirement for something that this machine does without
            continue
        found[name] = _size(installed) / 1e6
        requirements = map(Requirement, installed.requires or [])
        waiting += [
            needed.name for needed in requirements if not needed.marker or needed.marker.evaluate({"extra": ""})
        ]
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _size(installed: Distribution) -> int:
    """Bytes of all files of a distribution, compiled modules and bundled libraries included."""
    paths = {Path(str(file.locate())) for file in installed.files or []}
    if installed.name == "tfrecord-lite-codec":  # perhaps installed as a link to this checkout
        paths |= set(Path(tfrecord_lite.__file__).parent.rglob("*"))
    return sum(path.stat().st_size for path in paths if path.is_file())
