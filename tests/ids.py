"""Names of test cases."""

import re


def stable(value: object) -> str:
    """repr without addresses: every process is to find the same cases."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
