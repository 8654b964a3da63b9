"""Why a cell misses its bar, in a sentence that follows the cell's name in the results."""

from __future__ import annotations

#: {(operation, workload): reason}. An entry goes when its cell meets the bar.
REASONS: dict[tuple[str, str], str] = {}
