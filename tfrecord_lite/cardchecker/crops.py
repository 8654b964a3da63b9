"""Which part of a card becomes a record.

Takes the red channels of one identity card, one driver licence and one background: uint8 arrays of rows x
columns, at least as large as the minimum sizes below. Returns the kind of the record and a view of the pixels
it is made from. Raises nothing: sizes are checked where images are opened.

    identity card   columns 90 ..... 368            driver licence   columns 20 ... 120
    row  27  +-----------------------+              row 10  +------------------+
             |  id crop   63 x 278   |                      |  licence 30x100  |
    row  90  +-----------------------+              row 40  +------------------+
             |  non-match: a 63 x 278 window           |  non-match: a 30 x 100 window
             v  anywhere from row 90 down              v  anywhere from row 40 down

A non-match shows the same print, paper and light as a match, but not the place that the model is to find:
without it the model would learn to tell cards from landscapes, not the right part of a card from the rest of
it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class Size(NamedTuple):
    """Rows and columns, in pixels."""

    rows: int
    columns: int


class Region(NamedTuple):
    """A rectangle of an image, in pixels; rows `top` to `top + height`, columns `left` to `left + width`."""

    top: int
    left: int
    height: int
    width: int

    def of(self, channel: Pixels) -> Pixels:
        """The region's part of `channel`, as a view."""
        return channel[self.top : self.top + self.height, self.left : self.left + self.width]


ID_CROP = Region(top=27, left=90, height=63, width=278)
LICENCE_CROP = Region(top=10, left=20, height=30, width=100)

# The crop has to fit, and a window of the same size below it.
ID_MINIMUM = Size(rows=27 + 63 + 63, columns=90 + 278)
LICENCE_MINIMUM = Size(rows=10 + 30 + 30, columns=20 + 100)
BACKGROUND_MINIMUM = Size(rows=1, columns=1)

LABELS = {"id": 1, "licence": 1, "non_match": 0, "background": 0}
KINDS = tuple(LABELS)


def draw_crop(random: np.random.Generator, identity: Pixels, licence: Pixels, background: Pixels) -> tuple[str, Pixels]:
    """Choose one of the four kinds with equal chance.

    Returns:
        The kind, a key of `LABELS`, and its pixels as a view into one of the three channels.
    """
    kind = KINDS[random.integers(len(KINDS))]
    if kind == "id":
        return kind, ID_CROP.of(identity)
    if kind == "licence":
        return kind, LICENCE_CROP.of(licence)
    if kind == "background":
        return kind, background
    channel, crop = ((identity, ID_CROP), (licence, LICENCE_CROP))[random.integers(2)]
    return kind, draw_window_below(random, channel, crop).of(channel)


def draw_window_below(random: np.random.Generator, channel: Pixels, crop: Region) -> Region:
    """A window of `crop`'s size, every place from `crop`'s lower edge down with equal chance."""
    rows, columns = channel.shape
    top = random.integers(crop.top + crop.height, rows - crop.height, endpoint=True)
    left = random.integers(0, columns - crop.width, endpoint=True)
    return Region(int(top), int(left), crop.height, crop.width)
