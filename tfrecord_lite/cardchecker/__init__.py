"""The data set of the card checker: a model that tells identity cards and driver licences from the rest.

Lists of images go in, a TFRecord file comes out: `crops` knows which parts of a card count, `images` opens
one image safely, `examples` knows the features of a record, `pixels` gets the image out of one again, `dataset` walks
through the lists and writes.
`specimens` draws cards that belong to nobody, for trying it all out. Reading the file for training is
`tfrecord_lite.adapters.tf_data`, because it needs TensorFlow; nothing in here does.
"""

from tfrecord_lite.cardchecker.dataset import Skipped, Summary, write_record_binary_cls
from tfrecord_lite.cardchecker.examples import image_example, image_example_single_cls
from tfrecord_lite.cardchecker.images import ImageError
from tfrecord_lite.cardchecker.pixels import decode_pixels

__all__ = [
    "ImageError",
    "Skipped",
    "Summary",
    "decode_pixels",
    "image_example",
    "image_example_single_cls",
    "write_record_binary_cls",
]
