"""What must hold for whatever bytes come: targets for a fuzzer, which run without one, too.

A target is a function of bytes that raises when its invariant does not hold. `targets.py` lists them with their seeds,
`vectors.py` what was found once, `run.py` hands them to atheris (`make fuzz`), and
tests/test_fuzz_targets.py runs all of them on seeds, vectors and mutations.
"""
