"""Settings that hold for all tests."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow talks about the processor otherwise
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
