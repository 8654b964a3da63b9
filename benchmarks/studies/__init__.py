"""What there is to know beyond the bars: each module has a `study`, which gives a Report.

A study takes the directory of the workloads, an empty one for what it writes itself, rounds and scale.
"""
