"""TFRecord files to files of other formats, and back: `convert`, and a module for each format.

    conversion                 the front: which way, which formats, what came of it
    from_records, to_records   the two ways: parts to and from worker processes, one file or shards, rows that are bad
    formats                    the table of formats, and what a module of one has
    encoded_stretches          records on their way through workers
    parquet  arrow_ipc  csv_text  json_lines  npz  webdataset (and tar_members)
    image_folders              folders of images, both ways
    tables, column_kinds, declared, lines, arrow_errors    what several of them share

Arrow tables in memory are `adapters/arrow.py`'s.
"""

from typing import TYPE_CHECKING

from tfrecord_lite.lazy import lazy_names

if TYPE_CHECKING:
    from tfrecord_lite.convert.conversion import Converted as Converted
    from tfrecord_lite.convert.conversion import convert as convert
    from tfrecord_lite.convert.image_folders import ImageOptions as ImageOptions

_MODULES = dict.fromkeys(["Converted", "convert"], "tfrecord_lite.convert.conversion")
_MODULES["ImageOptions"] = "tfrecord_lite.convert.image_folders"
__all__ = ["Converted", "ImageOptions", "convert"]
__getattr__, __dir__ = lazy_names(__name__, _MODULES)
