"""`make soak`: rounds, until the seconds are over.

    python -m soak.run [SECONDS [SEED [ROUND]]]    with ROUND that one alone, as it was but for when who is killed dies

The seed is a new one each time, and 1 under CI: what fails there is to fail again. Prints what this process takes, once
a minute, and at the end what was done. Exits with 1 when that has grown. A value that is not what it should be ends it
at once, with the seed and the round.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

from soak.growth import Usage, growth
from soak.rounds import run_round

#: Rounds after which everything has been loaded and the allocator has what it wants.
WARM_UP = 3


def soak(seconds: float, seed: int) -> int:
    begin = time.monotonic()
    done: Counter[str] = Counter()
    usages: list[Usage] = []
    minutes = number = 0
    while time.monotonic() - begin < seconds or number <= WARM_UP + 3:
        done += run_round(seed, number)
        number += 1
        if number <= WARM_UP:
            continue
        usages.append(Usage.now())
        if time.monotonic() - begin >= 60 * minutes:
            minutes = int((time.monotonic() - begin) // 60) + 1
            print(f"after {number} rounds: {usages[-1]}", flush=True)  # noqa: T201
    found = growth(usages)
    print(f"seed {seed}: " + ", ".join(f"{count} {what}" for what, count in done.items()))  # noqa: T201
    print("\n".join(found or [f"nothing grew: at first {usages[0]}, at last {usages[-1]}"]))  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    arguments = list(map(int, sys.argv[1:]))
    if len(arguments) == 3:
        print(run_round(*arguments[1:]))  # noqa: T201
    else:
        new_seed = 1 if "CI" in os.environ else time.time_ns() % 10**9
        sys.exit(soak(*(arguments + [3600, new_seed][len(arguments) :])))
