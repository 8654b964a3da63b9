"""Sizes that no other test reaches: `make endurance`. `run.py` runs the cases, `cases.py` holds them."""
