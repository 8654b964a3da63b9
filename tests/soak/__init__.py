"""The same process for an hour: it writes, reads, kills, mends and salvages, and gets no larger.

`run.py` is the loop (`make soak`), `rounds.py` what is done in each round, `victims.py` the processes that are killed,
`examples.py` what is written, `growth.py` what the process takes and whether that grows. tests/test_soak.py runs a few
rounds.
"""
