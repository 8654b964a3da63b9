"""How fast we are beside TensorFlow, and how heavy: `python -m benchmarks.run`."""
