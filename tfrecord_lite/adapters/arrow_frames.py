"""A pandas DataFrame -> an Arrow table: what is a missing value in it, and what is a number.

Needs pandas, and pyarrow. Raises FeatureError, with the column's name, for what has no place in a feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.errors import FeatureError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def table_of(frame: pd.DataFrame) -> pa.Table:
    """The columns of a DataFrame; its index is left out.

    None, NA and NaN are null, but for NaN in a column of numpy's floats, which is a number.

    Raises:
        ImportError: there is no pyarrow.
        FeatureError: a name is no text or there twice, or values are of several types, or of one unknown to Arrow.
    """
    pa = import_pyarrow()
    arrays = {}
    for name, column in frame.items():
        if not isinstance(name, str):
            raise FeatureError(f"the name of a feature is a str, not {type(name).__name__}", repr(name))
        if name in arrays:
            raise FeatureError("two columns have the same name", name)
        is_floats = isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"
        try:
            arrays[name] = pa.array(column.array if not is_floats else column.to_numpy(), from_pandas=not is_floats)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
            raise FeatureError(
                f"values of several types, or of one without a place in a feature ({error})", name
            ) from None
    return pa.table(arrays)
