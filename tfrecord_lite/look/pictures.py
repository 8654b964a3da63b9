"""Pictures: a few images of a data set, drawn at random in one pass, each small and with its label.

    examples -> PictureSketch -> Picture, Picture, ...

Which features hold images, and which one labels them, is found in the first records unless it is said. An image that
cannot be shown is a Picture, too, which says why. Memory is bounded: what is kept is small pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfrecord_lite.format.encodings import image_encoding, text_of
from tfrecord_lite.look.images import PictureError, image_facts, raw_size_of, thumbnail
from tfrecord_lite.look.sketches import Reservoir
from tfrecord_lite.look.wording import label_of

if TYPE_CHECKING:
    from PIL import Image

#: As much is looked at before it is decided which features are images.
_FIRST_RECORDS, _FIRST_BYTES = 64, 16 << 20
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
        image_features: the features that hold images; None finds them.
        label_feature: the feature that labels them; None finds it.
        seed: makes the choice repeatable.

    Attributes:
        image_features: as given or found, once `pictures` has been called.
        label_feature: as given or found; None if there is none.
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
        self.image_features, self.label_feature = image_features, label_feature
        self._first: list[Example] | None = []
        self._first_bytes = 0
        self._seen = 0
        self._reservoirs: dict[str, Reservoir] = {}
        self._kept: dict[str, dict[int, Picture]] = {}

    def add(self, example: Example) -> None:
        """Take one example."""
        if self._first is None:
            self._take(example)
            return
        self._first.append(example)
        self._first_bytes += sum(sum(map(len, value)) for value in example.values() if isinstance(value, list))
        if len(self._first) >= _FIRST_RECORDS or self._first_bytes >= _FIRST_BYTES:
            self._decide()

    def pictures(self) -> tuple[Picture, ...]:
        """Those that were kept, feature by feature, in the order of the records."""
        self._decide()
        return tuple(
            picture for kept in self._kept.values() for picture in sorted(kept.values(), key=lambda p: p.record_number)
        )

    def _decide(self) -> None:
        if self._first is None:
            return
        first, self._first = self._first, None
        if self.image_features is None:
            self.image_features = find_image_features(first)
        if self.label_feature is None:
            self.label_feature = find_label_feature(first, self.image_features)
        for name in self.image_features:
            self._reservoirs[name], self._kept[name] = Reservoir(self._count, self._seed), {}
        for example in first:
            self._take(example)

    def _take(self, example: Example) -> None:
        for name, reservoir in self._reservoirs.items():
            value = example.get(name)
            if isinstance(value, list) and value:
                place = reservoir.place()
                if place is not None:
                    self._kept[name][place] = self._picture(name, example)
        self._seen += 1

    def _picture(self, name: str, example: Example) -> Picture:
        data = example[name][0]
        raw_size = raw_size_of(name, example)
        facts = image_facts(data)
        text = str(facts) if facts is not None else f"{len(data):,} bytes"
        if facts is None and raw_size is not None:
            text = f"raw {raw_size[0]}x{raw_size[1]}"
        label = "" if self.label_feature is None else _label(example.get(self.label_feature))
        try:
            return Picture(self._seen, name, text, label, thumbnail(data, self._side, raw_size), "")
        except PictureError as error:
            return Picture(self._seen, name, text, label, None, str(error))


def find_image_features(examples: Sequence[Example]) -> list[str]:
    """The features whose values are, in half of these examples or more, image files or raw pixels of a known size."""
    found: dict[str, list[bool]] = {}
    for example in examples:
        for name, value in example.items():
            if isinstance(value, list) and value and value[0]:
                is_image = image_encoding(value[0]) is not None or raw_size_of(name, example) is not None
                found.setdefault(name, []).append(is_image)
    return sorted(name for name, are_images in found.items() if 2 * sum(are_images) >= len(are_images))


def find_label_feature(examples: Sequence[Example], image_features: Sequence[str]) -> str | None:
    """The feature whose name says that it labels images, and which holds one number or a short text; None without one."""
    names = {name for example in examples for name in example}.difference(image_features)
    for wanted in _LABELS:
        for name in sorted(names, key=lambda name: (len(name), name)):
            fits = name.lower() == wanted or name.lower().endswith(("/" + wanted, "_" + wanted, "." + wanted))
            if fits and all(_is_label(example[name]) for example in examples if name in example):
                return name
    return None


def _is_label(value: Any) -> bool:
    if value is None or len(value) != 1:
        return value is None
    return not isinstance(value, list) or (len(value[0]) <= _LONGEST_LABEL and text_of(value[0]) is not None)


def _label(value: Any) -> str:
    if value is None or not len(value):
        return ""
    if isinstance(value, list):
        text = text_of(value[0])
        return label_of(value[0]) if text is None or not text.isprintable() else text[:_LONGEST_LABEL]
    return str(value[0])
