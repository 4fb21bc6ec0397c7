"""A small digit classifier: what it sees on the map, and features for Frechet distances.

`python -m aeviz classifier` trains it on the 60,000 training digits of MNIST, writes
classifier.safetensors, and measures it on the 10,000 test digits, which it never saw.
"""

from __future__ import annotations

import argparse
import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aeviz.analysis.estimate import Estimate
from aeviz.data import datasets
from aeviz.data.datasets import Dataset
from aeviz.models import optim

FILE = Path(__file__).with_name("classifier.safetensors")
KEPT = Path(__file__).parent / "measured" / "classifier.json"
"""How many of how many test digits it read right, by the command that trained it."""
KNOWS = "mnist"
"""The data set whose classes it knows."""
FEATURES = 64
BATCH = 256
LR = 2e-3


class Classifier(nn.Module):
    """Two strided convolutions, 28 -> 14 -> 7, and 64 features from which ten logits are read."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, FEATURES),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(0.5), nn.Linear(FEATURES, 10))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 10) of images (B, 1, 28, 28) in [0, 1]."""
        return self.head(self.features(x))


@cache
def load() -> Classifier:
    """The classifier that is kept, in eval mode."""
    model = Classifier()
    model.load_state_dict({name: weight.float() for name, weight in load_file(FILE).items()})
    return model.eval()


@torch.no_grad()
def features(images: np.ndarray) -> np.ndarray:
    """Features (N, 64), before their ReLU, of images (N, 28, 28), uint8 or float in [0, 1]."""
    parts = torch.from_numpy(datasets.to_float(images))[:, None].split(1000)
    return torch.cat([load().features(part) for part in parts]).numpy()


@torch.no_grad()
def log_probabilities(images: np.ndarray) -> np.ndarray:
    """Natural logarithms (N, 10) of the probabilities of each digit, float32.

    Args:
        images: (N, 28, 28), uint8 or float in [0, 1].
    """
    parts = torch.from_numpy(datasets.to_float(images))[:, None].split(1000)
    return torch.cat([load()(part).log_softmax(1) for part in parts]).numpy()


def doubt(log_p: np.ndarray) -> np.ndarray:
    """Entropy (...) in bits of distributions given as log-probabilities (..., 10).

    0 where one class is certain, log2(10) = 3.3 where all are alike.
    """
    return -(np.exp(log_p) * log_p).sum(-1) / math.log(2)


def knows(data: Dataset) -> bool:
    """Whether it can say anything of a data set: others have other classes."""
    return data.name == KNOWS


@cache
def tested() -> Estimate:
    """Its accuracy on the test digits, and the standard error sqrt(p (1 - p) / N) of a share."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    p = kept["right"] / kept["of"]
    return Estimate(p, math.sqrt(p * (1 - p) / kept["of"]))


@torch.no_grad()
def accuracy(model: Classifier, images: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of images (N, 28, 28) uint8 that get their label."""
    parts = torch.from_numpy(datasets.to_float(images))[:, None].split(1000)
    guessed = torch.cat([model(part).argmax(1) for part in parts]).numpy()
    return float((guessed == labels).mean())


def fit(images: np.ndarray, labels: np.ndarray, epochs: int, seed: int) -> Classifier:
    """A classifier trained on images (N, 28, 28) uint8 and their labels (N,)."""
    torch.manual_seed(seed)
    model = Classifier()
    x = torch.from_numpy(datasets.to_float(images))[:, None]
    y = torch.from_numpy(labels.astype(np.int64))
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    per_epoch = -(-len(x) // BATCH)
    chosen: tuple[Tensor, ...] = ()
    for step in range(epochs * per_epoch):
        if step % per_epoch == 0:
            chosen = torch.randperm(len(x)).split(BATCH)
        for group in optimiser.param_groups:
            group["lr"] = optim.learning_rate(step, epochs * per_epoch, LR)
        part = chosen[step % per_epoch]
        loss = nn.functional.cross_entropy(model(x[part]), y[part])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def main(arguments: list[str] | None = None) -> None:
    """Train the classifier, write it, and keep its accuracy on the test images."""
    parser = argparse.ArgumentParser(prog="python -m aeviz classifier", description=main.__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure", action="store_true", help="only measure the one that is kept")
    args = parser.parse_args(arguments)
    digits = datasets.load(KNOWS)
    if not args.measure:
        model = fit(digits.train_images, digits.train_labels, args.epochs, args.seed)
        save_file({name: weight.half() for name, weight in model.state_dict().items()}, FILE)
        load.cache_clear()
    found = accuracy(load(), digits.test_images, digits.test_labels)
    of = len(digits.test_labels)
    kept = {"right": round(found * of), "of": of}
    KEPT.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    tested.cache_clear()
    size = FILE.stat().st_size
    print(f"{FILE.name}: {size:,} bytes, test accuracy {tested().text()}")


if __name__ == "__main__":
    main()
