"""Images a second that each variant trains on, one thread: `python -m benchmarks.speeds`.

What a run that waits is told rests on it, until the variant was trained on that machine.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from aeviz.data import datasets
from aeviz.models import optim
from aeviz.models.zoo import MODELS
from aeviz.training import loop, turns
from aeviz.training.spec import RunSpec

WARM_UP, TIMED = 5, 30


def images_per_second(variant: str) -> float:
    """Of the variant as the page proposes it."""
    presets, recipe = MODELS[variant].presets, MODELS[variant].recipe
    config = next(iter(presets.values()), MODELS[variant].Config())
    fields = {"variant": variant, "config": config, "steps": WARM_UP + TIMED}
    spec = RunSpec.model_validate(fields | {"batch": recipe.batch, "lr": recipe.lr})
    mnist, model = datasets.load(), optim.build(MODELS[variant], config, 0)
    some = slice(8 * spec.batch)
    fitting = loop.fit(
        model,
        mnist.train_images[some],
        steps=WARM_UP + TIMED,
        batch=spec.batch,
        lr=spec.lr,
        seed=0,
        labels=mnist.train_labels[some],
    )
    for _ in range(WARM_UP):
        next(fitting)
    began = time.perf_counter()
    for _ in range(TIMED):
        next(fitting)
    return TIMED * spec.batch / (time.perf_counter() - began)


def main() -> None:
    """Measure all variants and write what the queue reads."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.speeds", description=main.__doc__
    ).parse_args()
    torch.set_num_threads(1)
    found = {name: round(images_per_second(name)) for name in MODELS}
    turns.MEASURED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, speed in found.items():
        print(f"{name:24} {speed:,} images a second")


if __name__ == "__main__":
    main()
