"""Numbers that somebody gives: how many, which one."""

from __future__ import annotations

import operator
from typing import Any


def whole_number(value: Any, name: str, least: int | None = None, most: int | None = None) -> int:
    """A number that was given, numpy's too, as Python's.

    Args:
        name: what it is called in errors.
        least, most: what it may be.

    Raises:
        TypeError: it is no integer; True and False are none.
        ValueError: it is smaller or larger.
    """
    if isinstance(value, bool):
        raise TypeError(f"{name}: {value} is no number")
    try:
        number = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    if (least is not None and number < least) or (most is not None and number > most):
        limits = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} is {limits}, not {number}")
    return number
