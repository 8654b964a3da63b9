"""Known faults of what an environment holds, by pip-audit: `python release/audit.py SITE_PACKAGES`.

pip-audit says "no known vulnerabilities" also where the service knows no package at all, as a mirror without advisories
does. That is no audit: it is said, and skipped. A package that is left out alone is an error.
"""

from __future__ import annotations

import json
import subprocess
import sys

#: The distribution itself, where it is installed from a checkout.
OURS = "tfrecord-lite-codec"


def main(path: str) -> int:
    """The exit code."""
    command = [sys.executable, "-m", "pip_audit", "--path", path, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        # No report at all: only a service that cannot be reached is passed over.
        is_away = any(name in done.stderr for name in ("ConnectionError", "ServiceError", "Connection refused"))
        sys.stderr.write(done.stderr if not is_away else "audit SKIPPED: the advisory service cannot be reached\n")
        return 0 if is_away else 1
    packages = [package for package in json.loads(done.stdout)["dependencies"] if package["name"] != OURS]
    skipped = [package for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        sys.stderr.write("audit SKIPPED: the service that answers knows no advisories, of no package\n")
        return 0
    faults = [f"{package['name']}: {package['skip_reason']}" for package in skipped]
    for package in packages:
        faults += [f"{package['name']} {package['version']}: {fault['id']}" for fault in package.get("vulns", [])]
    sys.stdout.write("".join(f"{fault}\n" for fault in faults) or f"{len(packages)} packages, no known faults\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
