"""A small digit classifier whose features Frechet distances are measured in.

`python -m benchmarks.classifier` trains it on the 60,000 digits and writes classifier.safetensors.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from aeviz.data import datasets
from aeviz.models import optim

FILE = Path(__file__).with_name("classifier.safetensors")
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


def main() -> None:
    """Train the classifier, write it, and print its accuracy on the test images."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.classifier", description=main.__doc__
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    digits = datasets.load("mnist")
    model = fit(digits.train_images, digits.train_labels, args.epochs, args.seed)
    save_file({name: weight.half() for name, weight in model.state_dict().items()}, FILE)
    load.cache_clear()
    found = accuracy(load(), digits.test_images, digits.test_labels)
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes, accuracy on test images {found:.4f}")


if __name__ == "__main__":
    main()
