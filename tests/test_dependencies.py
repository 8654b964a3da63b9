"""What we rest on, held against the advisories that are known: what may be installed, and what is.

The list is of what a file of a stranger could reach through us, or a stranger on the network. Add to it what becomes
known, and raise the floor.
"""

from __future__ import annotations

from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

SETTINGS = ConfigParser()
SETTINGS.read(Path(__file__).parent.parent / "setup.cfg")


class Advisory(NamedTuple):
    """A fault of versions of a package."""

    package: str
    affected: str
    name: str
    what: str


ADVISORIES = [
    Advisory("distributed", "<2021.10", "CVE-2021-42343", "workers of a cluster on this machine listen to others"),
    Advisory("numpy", "<1.22", "CVE-2021-34141", "comparison of strings in UFUNC_TYPES"),
    Advisory("pillow", "<10.0.1", "CVE-2023-4863", "a WebP image writes behind a buffer"),
    Advisory("pillow", "<10.2", "CVE-2023-50447", "code in what ImageMath evaluates"),
    Advisory("pillow", "<10.3", "CVE-2024-28219", "a colour profile's name writes behind a buffer"),
    Advisory("pillow", ">=11.2,<11.3", "CVE-2025-48379", "a DDS image that is written writes behind a buffer"),
    Advisory("protobuf", "<4.25.8", "CVE-2025-4565", "nested messages end the process, in pure Python"),
    Advisory("protobuf", ">=5,<5.29.5", "CVE-2025-4565", "the same"),
    Advisory("protobuf", ">=6,<6.31.1", "CVE-2025-4565", "the same"),
    Advisory("pyarrow", "<14.0.1", "CVE-2023-47248", "an Arrow or Parquet file runs code"),
]


def requirements() -> list[Requirement]:
    """Of the package and all extras."""
    texts = [SETTINGS["options"]["install_requires"], *SETTINGS["options.extras_require"].values()]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda advisory: f"{advisory.name} {advisory.affected}")
def test_no_lowest_version_has_a_known_fault(advisory: Advisory) -> None:
    found = [each for each in requirements() if each.name == advisory.package]
    assert found
    for requirement in found:
        (floor,) = [bound.version for bound in requirement.specifier if bound.operator == ">="]
        assert not SpecifierSet(advisory.affected).contains(floor), f"{requirement}: {advisory.name}, {advisory.what}"


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda advisory: f"{advisory.name} {advisory.affected}")
def test_nothing_that_is_installed_here_has_a_known_fault(advisory: Advisory) -> None:
    try:
        installed = version(advisory.package)
    except PackageNotFoundError:
        pytest.skip(f"{advisory.package} is not installed")
    assert not SpecifierSet(advisory.affected).contains(installed), f"{installed}: {advisory.name}, {advisory.what}"
