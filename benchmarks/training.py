"""Seconds per epoch of a small autoencoder: `python -m benchmarks.training`.

784-128-64-32 and back on the 60,000 MNIST images, batch 256, float32, on the CPU: aeviz beside the
usual starter code, a bare loop, the network's matrix products alone, and Keras.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from aeviz.analysis import errors
from aeviz.data import datasets
from aeviz.models import apply, objective, optim
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import MODELS
from aeviz.training import loop
from benchmarks import keras_reference, machine

WIDTHS = (784, 128, 64, 32, 64, 128, 784)
BATCH = 256
LR = 1e-3


def network() -> nn.Sequential:
    """The network as a tutorial writes it."""
    return nn.Sequential(
        nn.Linear(784, 128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 32),
        nn.Linear(32, 64),
        nn.ReLU(),
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Linear(128, 784),
        nn.Sigmoid(),
    )


# -- contenders: each yields after an epoch ---------------------------------------------------


def starter(folder: Path) -> Iterator[None]:
    """The usual starter code: torchvision's MNIST, ToTensor, DataLoader, torch.optim.Adam."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    buffer, start = gzip.decompress(datasets.EMBEDDED.read_bytes()), 0
    for part in datasets.PARTS:
        _, end = datasets.read_idx(buffer, start)
        (raw / f"{part}-ubyte").write_bytes(buffer[start:end])
        start = end
    dataset = MNIST(folder, train=True, transform=ToTensor())
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)
    model = network()
    criterion = nn.MSELoss()
    optimiser = torch.optim.Adam(model.parameters(), lr=LR)
    while True:
        for images, _ in loader:
            x = images.view(images.size(0), -1)
            loss = criterion(model(x), x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        yield


def bare_loop(images: np.ndarray) -> Iterator[None]:
    """The same with the pixels in memory as floats and the fused Adam: no loader, no checks."""
    pixels = torch.from_numpy(images.reshape(-1, 784).astype(np.float32) / 255)
    model = network()
    criterion = nn.MSELoss()
    optimiser = torch.optim.Adam(model.parameters(), lr=LR, fused=True)
    while True:
        order = torch.randperm(len(pixels))
        for start in range(0, len(pixels), BATCH):
            x = pixels[order[start : start + BATCH]]
            loss = criterion(model(x), x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        yield


def matrix_products(rows: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """One step's products as (a, b, out), out = a @ b, for a batch of so many rows.

    Forward y = x W^T in each layer; backward the weights' gradient dW = dy^T x in each layer and
    the input's dx = dy W in all but the first, whose input is the image.
    """
    layers = [
        (torch.randn(fan_out, fan_in) / math.sqrt(fan_in), torch.empty(fan_out, fan_in))
        for fan_in, fan_out in pairwise(WIDTHS)
    ]
    values = [torch.rand(rows, width) for width in WIDTHS]
    gradients = [torch.randn(rows, width) for width in WIDTHS]
    products = [
        (values[k], weight.t(), values[k + 1]) for k, (weight, _gradient) in enumerate(layers)
    ]
    for k, (weight, gradient) in reversed(list(enumerate(layers))):
        products.append((gradients[k + 1].t(), values[k], gradient))
        if k > 0:
            products.append((gradients[k + 1], weight, gradients[k]))
    return products


def products_alone(count: int) -> Iterator[None]:
    """The matrix products of an epoch over `count` images into memory that is there already."""
    full, rest = matrix_products(BATCH), matrix_products(count % BATCH)
    while True:
        for _ in range(count // BATCH):
            for a, b, out in full:
                torch.mm(a, b, out=out)
        for a, b, out in rest:
            torch.mm(a, b, out=out)
        yield


def our_model(seed: int) -> Autoencoder:
    """The same network as a variant of aeviz."""
    model_class = MODELS["vanilla"]
    settings = {"latent_dim": 32, "width": 128, "depth": 2, "activation": "relu"}
    config = model_class.Config.from_dict(settings | {"reconstruction": "squared"})
    return optim.build(model_class, config, seed)


def ours(model: Autoencoder, images: np.ndarray, epochs: int, seed: int) -> Iterator[None]:
    """`aeviz.training.loop.fit` as every run of the app uses it."""
    per_epoch = math.ceil(len(images) / BATCH)
    for step in loop.fit(model, images, steps=epochs * per_epoch, batch=BATCH, lr=LR, seed=seed):
        if step.step % per_epoch == 0:
            yield


# -- measuring --------------------------------------------------------------------------------


def operations(work: Callable[[], object]) -> int:
    """Floating-point operations in the matrix products of some work."""
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return counter.get_total_flops()


def check_products(seed: int) -> int:
    """A step's operations, after checking that all contenders do equally many.

    Raises:
        RuntimeError: the products are not those of the network.
    """
    x = torch.rand(BATCH, 784)
    pictures = x.view(-1, 1, 28, 28)
    plain, variant = network(), our_model(seed)
    counts = {
        "network": operations(lambda: (plain(x) - x).square().sum().backward()),
        "ours": operations(lambda: variant.loss(pictures).total.backward()),
        "products": operations(
            lambda: [torch.mm(a, b, out=out) for a, b, out in matrix_products(BATCH)]
        ),
    }
    if len(set(counts.values())) > 1:
        raise RuntimeError(f"The contenders multiply different things: {counts}.")
    return counts["ours"]


def time_rounds(contenders: dict[str, Iterator[None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender's epochs, an epoch each in turn, after one that is not counted.

    The order turns round after every round, so that a machine that gets slower favours nobody.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name in sorted(contenders, reverse=number % 2 == 1):
            start = time.perf_counter()
            next(contenders[name])
            if number > 0:
                seconds[name].append(time.perf_counter() - start)
        if number > 0:
            print(number, {k: round(v[-1], 3) for k, v in seconds.items()}, flush=True)
    return seconds


def our_epochs(dataset: datasets.Dataset, epochs: int, seed: int) -> tuple[list[float], float]:
    """Seconds of each epoch with a validation on the test images, and the last one's MSE."""
    model, seconds = our_model(seed), []
    epoch = ours(model, dataset.train_images, epochs, seed)
    for _ in range(epochs):
        start = time.perf_counter()
        next(epoch)
        objective.validate(model, dataset.test_images)
        seconds.append(time.perf_counter() - start)
    reconstructions = apply.reconstruct(model, dataset.test_images)
    return seconds, float(errors.mse(dataset.test_images, reconstructions).mean())


def keras_epochs(
    python: str, images: Path, epochs: int, threads: int, seed: int
) -> tuple[list[float], float, str] | str:
    """The same by Keras: seconds, MSE and versions; or why it could not be measured."""
    numbers = [str(number) for number in (epochs, BATCH, threads, seed)]
    command = [python, keras_reference.__file__, str(images), *numbers]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
    except OSError as error:
        return f"{python} does not start: {error}."
    if done.returncode == keras_reference.MISSING:
        return f"{done.stdout.strip()}."
    if done.returncode:
        return f"Keras ended with status {done.returncode}: {done.stderr.strip()[-500:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    return found["seconds"], found["mse"], found["versions"]


# -- telling ----------------------------------------------------------------------------------


def span(values: list[float]) -> str:
    """The smallest and largest of some ratios."""
    return f"rounds {min(values):.2f} to {max(values):.2f}"


def epoch_rows(seconds: dict[str, list[float]], threads: int) -> list[machine.Row]:
    """Ours beside each reference: the ratio of medians, and how far it varied by round."""
    mine = seconds["ours"]
    what = f"seconds per epoch, batch {BATCH}, {threads} threads"

    def row(name: str, title: str, *, most: float | None = None, least: float | None = None):
        other = seconds[name]
        slower = median(mine) / median(other)
        by_round = [a / b for a, b in zip(mine, other, strict=True)]
        ratio = f"{slower:.2f} times as long ({span(by_round)})"
        must, held = "-", None
        if most is not None:
            must, held = f"at most {most:g} times as long", slower <= most
        if least is not None:
            ratio = f"{1 / slower:.2f} times faster ({span([1 / r for r in by_round])})"
            must, held = f"at least {least:g} times faster", 1 / slower >= least
        return machine.Row(
            what, f"{title}: {median(other):.3f} s", f"{median(mine):.3f} s: {ratio}", must, held
        )

    return [
        row("starter", "starter code", least=8),
        row("bare loop", "bare in-memory loop"),
        row("products", "matrix products alone", most=1.6),
    ]


def keras_row(
    dataset: datasets.Dataset, python: str, epochs: int, rounds: int, threads: int, seed: int
) -> tuple[machine.Row, str]:
    """Ours beside Keras, and what to say about it."""
    what = f"seconds per epoch, {epochs} epochs with validation"
    must = "at least 2 times faster"
    mine, theirs, mse, other_mse, versions = [], [], math.nan, math.nan, ""
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        np.savez(images, train=dataset.train_images, test=dataset.test_images)
        for _ in range(rounds):
            found = keras_epochs(python, images, epochs, threads, seed)
            if isinstance(found, str):
                message = f"Keras was skipped: {found} See benchmarks/README.md."
                return machine.Row(what, "Keras: skipped", "-", must), message
            seconds, other_mse, versions = found
            theirs.append(seconds)
            seconds, mse = our_epochs(dataset, epochs, seed)
            mine.append(seconds)
            print(
                "Keras",
                round(sum(theirs[-1]), 2),
                "s, ours",
                round(sum(mine[-1]), 2),
                "s",
                flush=True,
            )
    a, b = (median([second for run in runs for second in run]) for runs in (mine, theirs))
    by_round = [median(t) / median(m) for m, t in zip(mine, theirs, strict=True)]
    row = machine.Row(
        what,
        f"{versions}: {b:.3f} s",
        f"{a:.3f} s: {median(by_round):.2f} times faster ({span(by_round)})",
        must,
        median(by_round) >= 2,
    )
    totals = (median([sum(run) for run in runs]) for runs in (mine, theirs))
    note = (
        "Keras: `model.fit` on float32 arrays, default settings; the median epoch leaves out its "
        "compilation. All {} epochs, that included: ours {:.1f} s, Keras {:.1f} s. Test MSE "
        "after the last: ours {:.4f}, Keras {:.4f}; neither is tuned, and their first weights and "
        "learning rates differ."
    ).format(epochs, *totals, mse, other_mse)
    return row, note


def main() -> None:
    """Measure, print and write results/training.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="epochs of each contender")
    parser.add_argument("--epochs", type=int, default=20, help="of a run beside Keras")
    parser.add_argument("--keras-rounds", type=int, default=2, help="runs beside Keras")
    parser.add_argument("--keras-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    dataset = datasets.load("mnist")
    images = dataset.train_images
    flops = check_products(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        seconds = time_rounds(
            {
                "starter": starter(Path(folder)),
                "bare loop": bare_loop(images),
                "products": products_alone(len(images)),
                "ours": ours(our_model(args.seed), images, args.rounds + 1, args.seed),
            },
            args.rounds,
        )
    rows = epoch_rows(seconds, args.threads)
    row, note = keras_row(
        dataset, args.keras_python, args.epochs, args.keras_rounds, args.threads, args.seed
    )
    other = args.keras_python != sys.executable
    machine.report(
        "training",
        f"python -m benchmarks.training --rounds {args.rounds} --epochs {args.epochs} "
        f"--keras-rounds {args.keras_rounds} --threads {args.threads} --seed {args.seed}"
        + (" --keras-python PATH" if other else ""),
        args.seed,
        [*rows, row],
        [
            f"The network is 784-128-64-32 and back; an epoch is {len(images):,} images, "
            f"{math.ceil(len(images) / BATCH)} steps. Figures are medians of {args.rounds} "
            "rounds; in each round every contender trains an epoch, so that noise hits all alike. "
            "One epoch of each is not counted, nor is reading the files.",
            "Starter code: torchvision.datasets.MNIST, ToTensor, DataLoader in the same process, "
            "nn.Sequential, torch.optim.Adam. Bare loop: floats in memory, fused Adam.",
            f"Matrix products: the 17 of a step ({flops / 1e6:.1f} million operations, counted by "
            "torch to be the same in all contenders), by torch.mm into memory that is there "
            "already.",
            "Ours: `aeviz.training.loop.fit`, which also turns uint8 into floats and checks the "
            "gradient.",
            note,
        ],
    )


if __name__ == "__main__":
    main()
