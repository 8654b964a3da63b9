"""Trains a small model to tell identity cards and driver licences from everything else, in about a minute.

    python examples/train_torch.py --directory cards

Draws specimens, which are cards that belong to nobody, makes records of them, reads these in worker processes, where
they are augmented by numpy, and trains with PyTorch (`pip install "tfrecord-lite-codec[torch]"`). The last line is the
accuracy on specimens that the model has not seen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import tfrecord_lite as tfr
from tfrecord_lite.adapters.augmentation import augment
from tfrecord_lite.adapters.torch import TFRecordDataset
from tfrecord_lite.cardchecker import decode_pixels, write_record_binary_cls
from tfrecord_lite.cardchecker.specimens import draw_background, draw_id_card, draw_licence

FEATURES = {
    "image/image_id_raw": tfr.FixedLenFeature([], bytes),
    "image/format": tfr.FixedLenFeature([], bytes),
    "image/label": tfr.FixedLenFeature([], "int64"),
}
EPOCHS = 6
BATCH_SIZE = 32
WORKERS = 2


def write_specimens(path: Path, first: int, count: int) -> None:
    """Records made of the specimens number `first` to `first + count`, which are the same at every call."""
    lists = [
        [draw(np.random.default_rng([kind, number])) for number in range(first, first + count)]
        for kind, draw in enumerate((draw_id_card, draw_licence, draw_background))
    ]
    write_record_binary_cls(*lists, path, seed=first)


def prepared(columns: dict[str, Any]) -> dict[str, Any]:
    """{"image": uint8 [n, 320, 320, 1], "label": int64 [n]}."""
    images = decode_pixels(columns["image/image_id_raw"], columns["image/format"])
    return {"image": images, "label": columns["image/label"]}


def augmented(columns: dict[str, Any]) -> dict[str, Any]:
    """The same, each image changed at random. PyTorch has seeded its generator for this worker and epoch."""
    batch = prepared(columns)
    first, second = torch.randint(2**31, (2,)).tolist()
    batch["image"] = augment(
        batch["image"], brightness=0.1, flip_left_right=True, flip_up_down=True, seed=(first, second)
    )
    return batch


def new_model() -> nn.Module:
    """Of images [n, 1, 320, 320] in 0 ... 1; gives one logit each."""
    layers: list[nn.Module] = [nn.AvgPool2d(4)]
    for channels, more in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(channels, more, 3, stride=2, padding=1), nn.BatchNorm2d(more), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 16, 1))


def logits_of(model: nn.Module, batch: dict[str, Any]) -> torch.Tensor:
    """[n]."""
    return model(batch["image"].permute(0, 3, 1, 2).float() / 255)[:, 0]


def train(model: nn.Module, path: Path) -> None:
    """EPOCHS times over all records, in another order each time."""
    dataset = TFRecordDataset(path, FEATURES, batch_size=BATCH_SIZE, shuffle=True, transform=augmented)
    loader = DataLoader(dataset, batch_size=None, num_workers=WORKERS, persistent_workers=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=EPOCHS * len(loader))
    model.train()
    for epoch in range(EPOCHS):
        dataset.set_epoch(epoch)
        losses = []
        for batch in loader:
            loss = nn.functional.binary_cross_entropy_with_logits(logits_of(model, batch), batch["label"].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {np.mean(losses):.3f}")


def accuracy_of(model: nn.Module, path: Path) -> float:
    """The share of records that the model labels as they are."""
    model.eval()
    right = count = 0
    with torch.no_grad():
        for batch in TFRecordDataset(path, FEATURES, batch_size=BATCH_SIZE, transform=prepared):
            right += int(((logits_of(model, batch) > 0) == (batch["label"] > 0)).sum())
            count += len(batch["label"])
    return right / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, default=Path("cards"), help="where the records go (%(default)s)")
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    training, unseen = directory / "train.tfrecord", directory / "unseen.tfrecord"
    write_specimens(training, 0, 320)
    write_specimens(unseen, 320, 80)
    torch.manual_seed(0)
    model = new_model()
    train(model, training)
    print(f"accuracy {accuracy_of(model, unseen):.3f}")


if __name__ == "__main__":
    main()
