"""tf.data: batches of any records for training with TensorFlow, and images changed at random on the way.

    make_dataset              paths and features -> tf.data.Dataset of batches
    augment                   images of a batch, changed at random (`tf_augmentation`)
    read_record_single_cls, apply_aug_single_cls    the same for the records of the card checker (`tf_cardchecker`)

TensorFlow (extra `[tf]`) is imported when a function is called; where it is not installed that is an ImportError.
"""

from __future__ import annotations

from tfrecord_lite.adapters.tf_augmentation import augment
from tfrecord_lite.adapters.tf_cardchecker import apply_aug_single_cls, read_record_single_cls

__all__ = ["apply_aug_single_cls", "augment", "read_record_single_cls"]
