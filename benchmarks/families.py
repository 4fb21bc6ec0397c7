"""Two families of 2-d variational autoencoders: `python -m benchmarks.families`.

Six that differ in beta alone, and five that differ in the seed alone; beta 1 and seed 0 is in both.
The app shows how one becomes the next. A member that is there is not trained again.
"""

from __future__ import annotations

import argparse

from aeviz.models import checkpoint
from aeviz.training import loop

VARIANT = "variational"
BETAS = (0.01, 0.1, 1.0, 4.0, 10.0, 30.0)
SEEDS = range(5)
EPOCHS, LR = 20, 2e-3
"""The recipe of `variational-2d`, which has 90 epochs: all else is as there."""
MEMBERS = [(beta, 0) for beta in BETAS] + [(1.0, seed) for seed in SEEDS if seed]
"""The beta and the seed of each."""


def name(beta: float, seed: int) -> str:
    """Of a checkpoint, in its folder."""
    return f"families/{VARIANT}-2d-beta{beta:g}-seed{seed}"


def command(beta: float, seed: int) -> list[str]:
    """What `python -m aeviz train` is told to make a member."""
    length = f"--all --epochs {EPOCHS} --lr {LR} --threads 1".split()
    out = f"checkpoints/{name(beta, seed)}"
    return [VARIANT, f"--beta={beta:g}", *length, f"--seed={seed}", f"--out={out}"]


def main() -> None:
    """Train the members of both families that are missing."""
    argparse.ArgumentParser(prog="python -m benchmarks.families", description=__doc__).parse_args()
    for member in MEMBERS:
        if not (checkpoint.FOLDER / f"{name(*member)}.safetensors").is_file():
            print("python -m aeviz train", *command(*member), flush=True)
            loop.main(command(*member))


if __name__ == "__main__":
    main()
