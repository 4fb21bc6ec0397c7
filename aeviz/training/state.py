"""The full state of a run at a step: all that decides how it goes on, bit for bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

MAGIC = b"aeviz state 1\n"
"""Before the digest of what follows, by which a damaged file is known."""
DIGEST = hashlib.sha256().digest_size


class StateError(Exception):
    """A file holds no whole state; one sentence."""


@dataclass(frozen=True)
class FullState:
    """Where `loop.fit` stands after a step.

    weights: the model's, by name, float32 and not rounded; moments: of Adam, for each parameter
    that is trained, mean, uncentred variance and number of steps; noise: of the run's own stream of
    random numbers, one for each kind of device; order: of the generator that shuffles the images,
    before it shuffled those of this epoch.
    """

    step: int
    weights: dict[str, Tensor]
    moments: list[tuple[Tensor, Tensor, Tensor]]
    noise: list[Tensor]
    order: Mapping[str, Any]


def to_bytes(state: FullState) -> bytes:
    """A state as the bytes of a file."""
    # Copies: safetensors refuses tensors that share memory, such as tied weights.
    tensors = {f"weight {name}": value.clone() for name, value in state.weights.items()}
    for number, moments in enumerate(state.moments):
        for kind, value in zip(("mean", "variance", "steps"), moments, strict=True):
            tensors[f"{kind} {number}"] = value
    tensors |= {f"noise {number}": value for number, value in enumerate(state.noise)}
    told = {"step": state.step, "order": state.order, "parameters": len(state.moments)}
    content = save_tensors(
        {name: value.contiguous() for name, value in tensors.items()},
        metadata={"state": json.dumps(told)},
    )
    return MAGIC + hashlib.sha256(content).digest() + content


def from_bytes(content: bytes) -> FullState:
    """Read a state.

    Raises:
        StateError: it is damaged, or of another version.
    """
    if not content.startswith(MAGIC):
        raise StateError("This is not the state of a run of this version of aeviz.")
    start = len(MAGIC) + DIGEST
    digest, kept = content[len(MAGIC) : start], content[start:]
    if hashlib.sha256(kept).digest() != digest:
        raise StateError("The state of this run is damaged.")
    try:
        tensors = load_tensors(kept)
        told: dict[str, Any] = json.loads(_metadata(kept)["state"])
        return FullState(
            told["step"],
            {
                name.removeprefix("weight "): value
                for name, value in tensors.items()
                if name.startswith("weight ")
            },
            [
                (tensors[f"mean {k}"], tensors[f"variance {k}"], tensors[f"steps {k}"])
                for k in range(told["parameters"])
            ],
            [tensors[f"noise {k}"] for k in range(sum(n.startswith("noise ") for n in tensors))],
            told["order"],
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise StateError("The state of this run is of another version of aeviz.") from error


def _metadata(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length])["__metadata__"]


def of(tensor: Tensor) -> Tensor:
    """A tensor as it is now, on the CPU, whatever becomes of it."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
