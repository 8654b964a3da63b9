"""Numbers that somebody gives: how many, which one."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def whole_number(value: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """A number that was given, numpy's too, as Python's.

    Args:
        name: what it is called in errors.
        least, most: what it may be.

    Raises:
        TypeError: it is no integer; True, False and what is masked are none.
        ValueError: it is smaller or larger.
    """
    if isinstance(value, bool):
        raise TypeError(f"{name}: {value} is no number")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):  # there is a number beneath the mask
        raise TypeError(f"{name}: it is masked")
    try:
        number = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    except AttributeError:  # of TensorFlow's tensors of floats
        raise TypeError(f"{name}: {value!r} is no integer") from None
    if (least is not None and number < least) or (most is not None and number > most):
        limits = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} is {limits}, not {number}")
    return number


def whole_numbers(values: Any, name: str) -> NDArray[Any]:
    """Numbers that were given one after the other, [n]: of a list or tuple as Python's, of other things as numpy's.

    Args:
        name: what they are called in errors, in the plural.

    Raises:
        TypeError: one is no integer or is masked, or they are not of one dimension.
    """
    if isinstance(values, (list, tuple)):  # of integers of several kinds numpy would make floats
        try:
            return np.array([whole_number(value, f"#{place}") for place, value in enumerate(values)], object)
        except TypeError as error:
            raise TypeError(f"{name} are integers: {error}") from None
    found = np.asarray(values)
    if found.ndim != 1:
        raise TypeError(f"{name} are integers one after the other, not of shape {list(found.shape)}")
    if np.ma.is_masked(values):
        raise TypeError(f"{name} are integers, and some of these are masked")
    if found.size and found.dtype.kind not in "iu":
        raise TypeError(f"{name} are integers, not {found.dtype}")
    return found
