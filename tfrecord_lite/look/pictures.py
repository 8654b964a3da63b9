"""Pictures: a few images of a data set, drawn at random in one pass, each small and with its label.

    examples -> PictureSketch -> Picture, Picture, ...

Which features hold images, and which one labels them, is found out unless it is said. An image that
cannot be shown is a Picture, too, which says why. Memory is bounded: what is kept is small pictures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfrecord_lite.format.encodings import image_encoding, text_of
from tfrecord_lite.look.images import PictureError, image_facts, raw_size_of, thumbnail
from tfrecord_lite.look.sketches import Reservoir
from tfrecord_lite.look.wording import label_of

if TYPE_CHECKING:
    from PIL import Image

#: A label is a number or a short text.
_LONGEST_LABEL = 60
#: The last parts of the names of features that label an image, the better ones first.
_LABELS = (
    "class/text",
    "label/text",
    "label_text",
    "class_text",
    "label_name",
    "class_name",
    "class/label",
    "label",
    "class",
    "category",
    "target",
    "labels",
    "y",
)

Example = Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """One image.

    Attributes:
        record_number: how many examples came before its own.
        feature: that holds it.
        facts: what it is, such as "PNG 320x320 gray".
        label: what labels it, or "".
        image: small, or None if it cannot be shown.
        problem: why it cannot be shown, or "".
    """

    record_number: int
    feature: str
    facts: str
    label: str
    image: Image.Image | None
    problem: str


class PictureSketch:
    """Takes examples, keeps pictures.

    Args:
        count: pictures of each feature at most.
        side: of the square they fit into, in pixels.
        image_features: the features that hold images; None takes every one from its first image on.
        label_feature: the feature that labels them; None finds it in each example, by its name.
        seed: makes the choice repeatable.

    Attributes:
        labels: the names of the features that label the pictures.
    """

    def __init__(
        self,
        count: int,
        side: int,
        *,
        image_features: Sequence[str] | None = None,
        label_feature: str | None = None,
        seed: int | None = 0,
    ) -> None:
        self._count, self._side, self._seed = count, side, seed
        self._are_given, self._label_feature = image_features is not None, label_feature
        self._seen = 0
        self._reservoirs = {name: Reservoir(count, seed) for name in image_features or ()}
        self._kept: dict[str, dict[int, Picture]] = {name: {} for name in self._reservoirs}
        self.labels: set[str] = set()

    def add(self, example: Example) -> None:
        """Take one example."""
        for name, value in example.items():
            if not isinstance(value, list) or not value:
                continue
            reservoir = self._reservoirs.get(name)
            if reservoir is None:
                if self._are_given or not _is_image(name, example):
                    continue
                reservoir = self._reservoirs[name] = Reservoir(self._count, self._seed)
                self._kept[name] = {}
            place = reservoir.place()
            if place is not None:
                self._kept[name][place] = self._picture(name, example)
        self._seen += 1

    def pictures(self) -> tuple[Picture, ...]:
        """Those that were kept, feature by feature, in the order of the records."""
        ranked = (sorted(self._kept[name].values(), key=lambda picture: picture.record_number) for name in self._kept)
        return tuple(picture for kept in ranked for picture in kept)

    def _picture(self, name: str, example: Example) -> Picture:
        data = example[name][0]
        raw_size = raw_size_of(name, example)
        facts = image_facts(data)
        text = str(facts) if facts is not None else f"{len(data):,} bytes"
        if facts is None and raw_size is not None:
            text = f"raw {raw_size[0]}x{raw_size[1]}"
        label = self._label(example)
        try:
            return Picture(self._seen, name, text, label, thumbnail(data, self._side, raw_size), "")
        except PictureError as error:
            return Picture(self._seen, name, text, label, None, str(error))

    def _label(self, example: Example) -> str:
        name = self._label_feature or find_label_feature(example, self._reservoirs)
        value = None if name is None else example.get(name)
        if name is None or value is None or not len(value):
            return ""
        self.labels.add(name)
        if isinstance(value, list):
            text = text_of(value[0])
            return label_of(value[0]) if text is None or not text.isprintable() else text[:_LONGEST_LABEL]
        return str(value[0])


def _is_image(name: str, example: Example) -> bool:
    """Whether a feature holds an image file, or raw pixels of a known size."""
    return image_encoding(example[name][0]) is not None or raw_size_of(name, example) is not None


def find_label_feature(example: Example, image_features: Collection[str]) -> str | None:
    """The feature that labels images by its name, and holds one number or a short text; None if there is none."""
    names = sorted(example.keys() - set(image_features), key=lambda name: (len(name), name))
    for wanted in _LABELS:
        for name in names:
            fits = name.lower() == wanted or name.lower().endswith(("/" + wanted, "_" + wanted, "." + wanted))
            if fits and _is_label(example[name]):
                return name
    return None


def _is_label(value: Any) -> bool:
    if value is None or len(value) != 1:
        return False
    return not isinstance(value, list) or (len(value[0]) <= _LONGEST_LABEL and text_of(value[0]) is not None)
