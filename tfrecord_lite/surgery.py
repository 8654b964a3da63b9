"""Surgery on TFRecord files: records are moved from files to files as they are, byte for byte, and compared.

    merge, split, reshard       into one file, or into shards
    shuffle                     in a random order, in bounded memory
    sample, filter, dedupe      some of them
    diff                        where two sets of files differ

Frames are not encoded again, every CRC is checked, and an output appears when it is complete. Their names are common
words (`filter` is even Python's): they are called as `surgery.filter`, not imported one by one.
"""

from typing import TYPE_CHECKING

from tfrecord_lite.lazy import lazy_names

if TYPE_CHECKING:
    from tfrecord_lite.files.difference import Difference as Difference
    from tfrecord_lite.files.difference import FeatureDifference as FeatureDifference
    from tfrecord_lite.files.difference import diff as diff
    from tfrecord_lite.files.duplicates import dedupe as dedupe
    from tfrecord_lite.files.frames import Moved as Moved
    from tfrecord_lite.files.frames import WrittenFile as WrittenFile
    from tfrecord_lite.files.selection import filter as filter  # noqa: A004
    from tfrecord_lite.files.selection import sample as sample
    from tfrecord_lite.files.shuffling import shuffle as shuffle
    from tfrecord_lite.files.surgery import merge as merge
    from tfrecord_lite.files.surgery import reshard as reshard
    from tfrecord_lite.files.surgery import split as split

_MODULE_OF = {
    "Difference": "tfrecord_lite.files.difference",
    "FeatureDifference": "tfrecord_lite.files.difference",
    "Moved": "tfrecord_lite.files.frames",
    "WrittenFile": "tfrecord_lite.files.frames",
    "dedupe": "tfrecord_lite.files.duplicates",
    "diff": "tfrecord_lite.files.difference",
    "filter": "tfrecord_lite.files.selection",
    "merge": "tfrecord_lite.files.surgery",
    "reshard": "tfrecord_lite.files.surgery",
    "sample": "tfrecord_lite.files.selection",
    "shuffle": "tfrecord_lite.files.shuffling",
    "split": "tfrecord_lite.files.surgery",
}
__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
