"""tf.data: batches of any records for training with TensorFlow, and images changed at random on the way.

    make_dataset              paths and features -> tf.data.Dataset of batches
    augment                   the images of a batch, changed at random (`tf_augmentation`)
    read_record_single_cls, apply_aug_single_cls    the same for the records of the card checker (`tf_cardchecker`)

Two readers give the same batches where TensorFlow reads all that is there. Its own is fast, uses all cores and can be
saved in a checkpoint; but it loses data without a word where a file ends in a cut header, a compressed stream lacks its
end or has bytes behind it, a list lies in several chunks, features are inferred and a later record has others, or GZIP
members are of a kind that it does not get past (refused here). Ours reads all that is there, or says what is wrong with
it, reads URLs, mixes all records where they are shuffled, and goes on in the middle of an epoch.

TensorFlow (extra `[tf]`) is imported when a function is called; where it is not installed that is an ImportError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.adapters.ordered_batches import OrderedBatches
from tfrecord_lite.adapters.tensorflow_import import import_tensorflow
from tfrecord_lite.adapters.tf_augmentation import augment
from tfrecord_lite.adapters.tf_cardchecker import apply_aug_single_cls, read_record_single_cls
from tfrecord_lite.adapters.tf_features import tensorflow_features
from tfrecord_lite.adapters.tf_files import records, sound_files
from tfrecord_lite.adapters.tf_generator import EpochRuns, dataset_of
from tfrecord_lite.adapters.whole_number import whole_number
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.format.parsing import example_plan

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["apply_aug_single_cls", "augment", "make_dataset", "read_record_single_cls"]

#: Records that are looked at when the features are to be inferred.
_INFERRED_RECORDS = 1024
#: The largest number of epochs that TensorFlow takes.
_MOST_EPOCHS = (1 << 63) - 1
#: The most records that TensorFlow is asked to hold at a time: for so many it allocates 6 GiB before it reads any.
_MOST_TOGETHER = 1 << 28


def make_dataset(
    paths: Any,
    features: Mapping[str, Any] | None = None,
    *,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    epochs: int | None = 1,
    remainder: str = "share",
    reader: str = "tensorflow",
    buffer_size: int = 1024,
    deterministic: bool = True,
    input_context: tf.distribute.InputContext | None = None,
    state: Mapping[str, int] | None = None,
) -> tf.data.Dataset:
    """Batches of parsed Examples: {name: what `tf.io.parse_example` gives for `batch_size` records}.

    Without `shuffle` records come in the order of their files. With it every epoch has an order of its own, the same
    in every run with this seed:

        model.fit(make_dataset("train-*.tfrecord", batch_size=32, shuffle=True).map(as_pair), epochs=10)

    `epochs=1` and so many in `fit`: an iteration over the dataset is an epoch. With `epochs=None` the dataset does not
    end, and `fit` needs steps_per_epoch. For tf.distribute, where each of several pipelines reads a part:

        strategy.distribute_datasets_from_function(
            lambda context: make_dataset(
                paths, batch_size=context.get_per_replica_batch_size(256), input_context=context
            )
        )

    Args:
        paths: files, patterns, directories, or a list of these, as for `read_records`; files of different compression
            may be mixed. Reader "tfrecord_lite" takes plain files and seekable GZIP (or GZIP of short members), and
            URLs; the other local files only.
        features: {name: FixedLenFeature(...) or another feature, ours or TensorFlow's}, or a Schema. None infers them
            from 1,024 records of all files; a record that does not fit is then an error. One that holds values of a
            feature of which those held none is an error of reader "tfrecord_lite"; TensorFlow's parser does not see
            such values, and reader "tensorflow" leaves them out.
        batch_size: records in each batch, at most 2^28; with tf.distribute in each of a replica.
        shuffle: whether records come in another order in each epoch. Reader "tensorflow" shuffles files, and then
            draws each record from the next `buffer_size`; reader "tfrecord_lite" mixes all records, in the order that
            all adapters share.
        seed: of the orders. What tf.random.set_seed was given counts as well for reader "tensorflow".
        epochs: how often all records are read in one iteration over the dataset; None is without end.
        remainder: what becomes of the records at the end of an epoch that do not fill a batch: "share" makes a smaller
            batch of them, "drop" leaves them out, "pad" (reader "tfrecord_lite") adds records from the beginning.
            With "drop" and "pad" batches have a static size.
        reader: who reads the files, as said above.
        buffer_size: records that reader "tensorflow" holds when it shuffles, at most 2^28. TensorFlow allocates some 24
            bytes for each at once, however few records there are, and so for each record of a batch with "drop": where
            there is no memory for that, it ends the process.
        deterministic: whether batches must come in the same order in every run. False lets reader "tensorflow" be
            faster when it shuffles.
        input_context: which part of the records is to be read, of as many as there are input pipelines; together they
            read each record once. Reader "tensorflow" deals out files where there are enough, so pipelines may have
            different numbers of batches; reader "tfrecord_lite" deals out records, and all have the same number of
            batches, of which the last may be empty on some.
        state: {"epoch": number, "done": places of it that were read by all pipelines, "order": what tells the order},
            as of `OrderedBatches.state_after`, of the same records, shuffle and seed: where reader "tfrecord_lite"
            begins. The rest of that epoch is the first of the first iteration, later iterations go on; without end
            (`epochs=None`) every iteration begins there.

    Raises:
        ImportError: TensorFlow is not installed.
        OSError, TFRecordError: files are missing or damaged, as far as that shows before they are read;
            io.UnsupportedOperation, if a file is compressed in another way than reader "tfrecord_lite" takes it;
            LostRecordsError, if TensorFlow would not read all of a GZIP file; FeatureError, if features are of no use.
        ValueError: an argument is of no use, or not for this reader.
        TypeError: a number is no integer, deterministic no bool, features are no mapping, paths are none, or
            input_context is none.
        tf.errors.OpError: while reading; of reader "tfrecord_lite" the text names file, record and offset.
        UnicodeDecodeError: while reading, instead of that, where the text of TensorFlow's own error quotes bytes that
            are no UTF-8: those of a record that is no Example.
    """
    tf = import_tensorflow()
    batch_size = whole_number(batch_size, "batch_size", 1, _MOST_TOGETHER)
    buffer_size = whole_number(buffer_size, "buffer_size", 1, _MOST_TOGETHER)
    epochs = None if epochs is None else whole_number(epochs, "epochs", 1, _MOST_EPOCHS)
    seed = whole_number(seed, "seed")
    _check_words(reader, remainder, state)
    if not isinstance(input_context, (tf.distribute.InputContext, type(None))):
        raise TypeError(f"input_context is a tf.distribute.InputContext or None, not {type(input_context).__name__}")
    if not isinstance(deterministic, (bool, np.bool_)):
        raise TypeError(f"deterministic is True or False, not {deterministic!r}")
    part, parts = (input_context.input_pipeline_id, input_context.num_input_pipelines) if input_context else (0, 1)
    is_ordered = bool(deterministic or not shuffle)
    if reader == "tensorflow":
        files = sound_files(paths)
        parse = _parser(tf, infer_schema(paths, sample=_INFERRED_RECORDS) if features is None else features)
        serialized = records(tf, files, part, parts, seed if shuffle else None, buffer_size, is_ordered)
        batches = serialized.batch(batch_size, drop_remainder=remainder == "drop")
        dataset = batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE).repeat(epochs)
    else:
        ordered = OrderedBatches(
            paths,
            features,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            rank=part,
            ranks=parts,
            remainder=remainder,
        )
        spec = _parsed_spec(tf, _parser(tf, ordered.features), batch_size, remainder != "share")
        dataset = dataset_of(tf, EpochRuns(ordered, epochs, state), spec)
    options = tf.data.Options()
    options.deterministic = is_ordered
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)


def _check_words(reader: str, remainder: str, state: Mapping[str, int] | None) -> None:
    """Raise ValueError for what is of no use, or not for this reader."""
    if reader not in ("tensorflow", "tfrecord_lite"):
        raise ValueError(f"reader is 'tensorflow' or 'tfrecord_lite', not {reader!r}")
    if remainder not in ("share", "drop", "pad"):
        raise ValueError(f"remainder is 'share', 'drop' or 'pad', not {remainder!r}")
    if reader == "tensorflow" and (remainder == "pad" or state is not None):
        raise ValueError("remainder='pad' and state need reader='tfrecord_lite'")


def _parser(tf: Any, features: Mapping[str, Any]) -> Callable[[Any], dict[str, Any]]:
    """What parses a batch of serialized Examples in TensorFlow."""
    if isinstance(features, Mapping) and not features:
        raise FeatureError("no features: none were given, or no record has one from which they could be inferred")
    wanted = tensorflow_features(tf, example_plan(features).features)
    return lambda serialized: tf.io.parse_example(serialized, wanted)


def _parsed_spec(tf: Any, parse: Callable[[Any], dict[str, Any]], batch_size: int, is_static: bool) -> Any:
    """The spec of batches that were parsed, which all have `batch_size` records if that is static."""
    none = tf.data.Dataset.from_tensor_slices(tf.zeros([0], tf.string))
    return none.batch(batch_size, drop_remainder=is_static).map(parse).element_spec
