"""A variant's layers as graphviz DOT, found by running it: what it has is drawn, not what it says.

Operations between layers, such as adding or concatenating, are not drawn, but the edges go through
them: they follow autograd's graph from a layer's input back to the layers that it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from aeviz.models import optim
from aeviz.models.base import Autoencoder
from aeviz.models.settings import BaseConfig

INPUT = -1
"""Stands for the input among the sources of a layer."""
WHOLE = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.MultiheadAttention)
"""Layers of torch that are drawn as one although they are made of others."""


@dataclass
class Layer:
    """One box: shapes of its input and output without the batch, sources by place in the list."""

    text: str
    takes: tuple[int, ...]
    shape: tuple[int, ...]
    weights: int
    sources: set[int] = field(default_factory=set)


@dataclass
class Half:
    """Encoder or decoder: its layers in the order in which they ran, input and output."""

    layers: list[Layer]
    entry: str
    entry_shape: tuple[int, ...]
    exit: str
    exit_shape: tuple[int, ...]
    exit_sources: set[int]
    with_labels: bool

    @property
    def weights(self) -> int:
        """All trainable weights of its layers."""
        return sum(layer.weights for layer in self.layers)


def halves(model_class: type[Autoencoder], config: BaseConfig) -> tuple[Half, Half]:
    """Encoder and decoder of a model with these settings, from one image put through both."""
    model = optim.build(model_class, config, 0).eval()  # its own: others may use a loaded one
    given = {"labels": torch.zeros(1, dtype=torch.long)} if model.uses_labels else {}
    pixels = model.shape if model.shape[0] > 1 else model.shape[1:]
    x = torch.rand(1, *model.shape, requires_grad=True)
    with torch.enable_grad():
        layers, z, sources = _run(model, model.encode, x, given)
        mean = " = mean of q(z|x)" if model.posterior(x, **given) is not None else ""
        encoder = Half(
            layers, "image x", pixels, f"code z{mean}", z.shape[1:], sources, model.uses_labels
        )
        z = z.detach().requires_grad_()
        layers, x_hat, sources = _run(model, model.decode, z, given)
    decoder = Half(
        layers, "code z", z.shape[1:], "reconstruction", pixels, sources, model.uses_labels
    )
    assert x_hat.shape == x.shape
    return encoder, decoder


def _run(
    model: Autoencoder, function: Any, start: Tensor, given: dict[str, Tensor]
) -> tuple[list[Layer], Tensor, set[int]]:
    """Layers that a function went through, its output, and the layers that the output is of."""
    layers: list[Layer] = []
    made_by: dict[Any, int] = {}  # autograd node -> layer whose output it made
    place: dict[nn.Module, int] = {}

    def sources(tensors: Iterator[Tensor]) -> set[int]:
        found: set[int] = set()
        for tensor in tensors:
            if tensor is start:
                found.add(INPUT)
            waiting, seen = [tensor.grad_fn], set()
            while waiting:
                node = waiting.pop()
                if node is None or node in seen:
                    continue
                seen.add(node)
                if node in made_by:
                    found.add(made_by[node])
                elif getattr(node, "variable", None) is start:
                    found.add(INPUT)
                else:
                    waiting += [following for following, _ in node.next_functions]
        return found

    def note(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        came_from = sources(tensors_in((args, list(kwargs.values()))))
        weights = sum(p.numel() for p in module.parameters() if p.requires_grad)
        number = place.get(module, len(layers)) if weights else len(layers)
        if number == len(layers):
            # Without a path of gradients, as behind a choice of symbols, it follows the last one.
            name, before = type(module).__name__, came_from or {number - 1}
            layers.append(Layer(name, _shape((args, list(kwargs.values()))), (), weights, before))
            place[module] = number
        else:  # used again: a step of a recurrence
            layers[number].sources |= came_from - {number}
        layers[number].shape = _shape(output)
        made_by.update({t.grad_fn: number for t in tensors_in(output) if t.grad_fn is not None})

    hooks = [
        module.register_forward_hook(note, with_kwargs=True) for module in drawn_modules(model)
    ]
    output = function(start, **given)
    for hook in hooks:
        hook.remove()
    return layers, output, sources(iter([output])) or {len(layers) - 1}


def drawn_modules(module: nn.Module) -> Iterator[nn.Module]:
    """Its layers: modules that are made of no others, and `WHOLE` ones."""
    for child in module.children():
        if isinstance(child, WHOLE) or not any(child.children()):
            yield child
        else:
            yield from drawn_modules(child)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors among what goes into a layer, or comes out of it."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_in(part)


def _shape(value: Any) -> tuple[int, ...]:
    """Shape of the first of some tensors, without the batch."""
    return tuple(next(tensors_in(value)).shape[1:])


def joined(layers: list[Layer], exit_sources: set[int]) -> tuple[list[Layer], set[int]]:
    """Layers with what only bends or normalises their output in the same box: "Linear, SiLU"."""
    users = [sum(k in layer.sources for layer in layers) for k in range(len(layers))]
    boxes: list[Layer] = []
    box_of = {INPUT: INPUT}
    for k, layer in enumerate(layers):
        (source, *others) = layer.sources
        alone = not others and source != INPUT and users[source] == 1
        if alone and layer.shape == layers[source].shape and layer.weights <= 2 * prod(layer.shape):
            box = boxes[box_of[source]]
            box.text += f", {layer.text}"
            box.weights += layer.weights
            box_of[k] = box_of[source]
        else:
            box_of[k] = len(boxes)
            sources = {box_of[s] for s in layer.sources}
            boxes.append(Layer(layer.text, layer.takes, layer.shape, layer.weights, sources))
    return boxes, {box_of[k] for k in exit_sources}


def times(shape: tuple[int, ...]) -> str:
    """A shape as a person reads it: "16 x 14 x 14"."""
    return " × ".join(f"{size:,}" for size in shape)


STYLE = """
bgcolor=transparent; rankdir=TB; nodesep=0.3; ranksep=0.25;
node [shape=box style="rounded,filled" fillcolor="#2590b8" color="#2590b8" fontcolor=white
      fontname="sans-serif" fontsize=14 margin="0.2,0.08"];
edge [color="#8a8f98" fontcolor="#8a8f98" fontname="sans-serif" fontsize=14];
"""
ENDS = 'fillcolor="#6b7280" color="#6b7280"'


def dot(half: Half) -> str:
    """A half as graphviz DOT from top to bottom: boxes are layers, edges carry tensor shapes."""
    layers, exits = joined(half.layers, half.exit_sources)
    lines = [f"digraph {{ {STYLE}", f'"{INPUT}" [label="{half.entry}" {ENDS}];']
    shapes = {INPUT: half.entry_shape} | {k: layer.shape for k, layer in enumerate(layers)}
    for k, layer in enumerate(layers):
        weights = f"\\n{layer.weights:,} weights" if layer.weights else ""
        lines.append(f'"{k}" [label="{layer.text}{weights}"];')
    lines.append(f'end [label="{half.exit}\\n{times(half.exit_shape)}" {ENDS}];')
    for k, layer in enumerate(layers):
        for s in sorted(layer.sources):
            carried = layer.takes if len(layer.sources) == 1 else shapes[s]
            lines.append(f'"{s}" -> "{k}" [label=" {times(carried)}"];')
    lines += [f'"{s}" -> end [label=" {times(shapes[s])}"];' for s in sorted(exits)]
    if half.with_labels:
        first = next((k for k, layer in enumerate(layers) if layer.weights), 0)
        lines.append(f'label [label="label y" {ENDS}]; label -> "{first}" [label=" 10"];')
    return "\n".join([*lines, "}"])
