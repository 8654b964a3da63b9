"""Other readers and writers of TFRecord files, each driven in a process of its own: `python -m peers.NAME VERB FILE`.

`talk.py` says how they are asked and how they answer. None of these modules is imported where tfrecord_lite is.
"""
