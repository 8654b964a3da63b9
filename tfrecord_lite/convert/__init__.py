"""TFRecord files to files of other formats, and back: `convert`, and a module for each format.

Arrow tables in memory are `adapters/arrow.py`'s; what is here knows files, rows that are bad, and processes.
"""

from tfrecord_lite.convert.conversion import Converted as Converted
from tfrecord_lite.convert.conversion import convert as convert
