"""A pandas DataFrame -> an Arrow table: what is a missing value in it, and what is a number.

Needs pandas, and pyarrow. Raises FeatureError, with the column's name, for what has no place in a feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.adapters.arrow_columns import at_row, check_rows, import_pyarrow
from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.example import encode_key

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def table_of(frame: pd.DataFrame) -> pa.Table:
    """The columns of a DataFrame; its index is left out.

    None, NA and NaN are null, but for NaN in a column of numpy's floats, which is a number.

    Raises:
        ImportError: there is no pyarrow.
        FeatureError: there are rows without columns; a name is no text or there twice, or values are of several types,
            or of one unknown to Arrow; a text, with its row as record_number, or a name cannot be UTF-8.
        TypeError: it is no DataFrame.
    """
    import pandas as pd

    pa = import_pyarrow()
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"a pandas DataFrame is needed, not {type(frame).__name__}")
    check_rows(*frame.shape)  # Arrow would have no rows of these
    arrays = {}
    for name, column in frame.items():
        encode_key(name)  # for what it raises
        if name in arrays:
            raise FeatureError("two columns have the same name", name)
        is_floats = isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"
        try:
            arrays[name] = pa.array(column.array if not is_floats else column.to_numpy(), from_pandas=not is_floats)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
            raise FeatureError(
                f"values of several types, or of one without a place in a feature ({error})", name
            ) from None
        except UnicodeEncodeError:
            row = next(row for row, value in enumerate(column) if not _is_utf8(value))
            raise at_row("text with a lone surrogate is not UTF-8", name, row) from None
    return pa.table(arrays)


def _is_utf8(value: Any) -> bool:
    """Whether Arrow can encode all text in a value, which may be a list."""
    try:
        import_pyarrow().array([value])
    except UnicodeEncodeError:
        return False
    return True
