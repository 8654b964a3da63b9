"""The targets of `make fuzz` hold on seeds, on what was found once, and on mutations; odd messages are protobuf's.

ODD_CASES says how many odd messages of each kind there are: 100000 under `make fuzz`.
"""

import os
import time

import numpy as np
import odd_messages
import pytest
from fuzz import seeds
from fuzz.messages import check_example, check_sequence_example
from fuzz.mutations import mutated
from fuzz.targets import TARGETS
from fuzz.vectors import VECTORS
from google.protobuf.internal import api_implementation

#: Mutations of each target, and the seconds after which that is enough.
MUTATIONS, SECONDS = 3000, 4
ODD_CASES = int(os.environ.get("ODD_CASES", "3000"))

#: The oracle is protobuf's upb: its backend in Python takes other things for damage.
IS_UPB = api_implementation.Type() == "upb"
needs_upb = pytest.mark.skipif(not IS_UPB, reason="upb is the oracle")
NAMES = [name for name in TARGETS if IS_UPB or name not in ("example", "sequence_example")]


@pytest.mark.parametrize("name", NAMES)
def test_a_target_holds_on_its_seeds(name: str) -> None:
    made = TARGETS[name].seeds()
    assert made
    for seed in made:
        TARGETS[name].check(seed)


@pytest.mark.parametrize(("name", "what"), [key for key in VECTORS if key[0] in NAMES])
def test_a_target_holds_on_what_was_found(name: str, what: str) -> None:
    TARGETS[name].check(VECTORS[name, what])


@pytest.mark.parametrize("name", NAMES)
def test_a_target_holds_on_mutations(name: str) -> None:
    made, random = TARGETS[name].seeds(), np.random.default_rng(8)
    end = time.monotonic() + SECONDS
    for _ in range(MUTATIONS):
        data = mutated(made[random.integers(len(made))], made[random.integers(len(made))], random)
        try:
            TARGETS[name].check(data)
        except BaseException as error:
            error.args = (f"{error!r} for {data!r}",)
            raise
        if time.monotonic() > end:
            break


@needs_upb
def test_an_odd_example_is_what_protobuf_says() -> None:
    random = np.random.default_rng(9)
    for _ in range(ODD_CASES):
        record = odd_messages.odd_record(odd_messages.varied(seeds.example(random), random), random)
        check_example(record)
        if record:
            check_example(odd_messages.damaged(record, random))


@needs_upb
def test_an_odd_sequence_example_is_what_protobuf_says() -> None:
    random = np.random.default_rng(10)
    for _ in range(ODD_CASES):
        lists = {key: [value] * int(random.integers(3)) for key, value in seeds.example(random).items()}
        record = odd_messages.odd_sequence_record(seeds.example(random), lists, random)
        check_sequence_example(record)
        check_sequence_example(odd_messages.damaged(record, random))
