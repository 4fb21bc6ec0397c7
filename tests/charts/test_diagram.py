"""A diagram shows the layers that a model has, with the shapes that they give."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from aeviz.charts import diagram
from aeviz.models import optim
from aeviz.models.base import Autoencoder, Loss
from aeviz.models.zoo import MODELS


class Branching(Autoencoder):
    """Two layers side by side, one used three times, then one used again on what it made."""

    def build(self) -> None:
        self.stem = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU())
        self.left, self.right = nn.Linear(8, 5), nn.Linear(8, 5)
        self.step = nn.Linear(5, 5)
        self.head = nn.Linear(13, 2)
        self.norm = nn.LayerNorm(8)
        self.draw = nn.Linear(2, 784)

    def encode(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        both = self.left(h).tanh() + self.right(h)
        for _ in range(3):
            both = self.step(both)
        return self.head(torch.cat([both, h], dim=1))

    def decode(self, z: Tensor) -> Tensor:
        symbols = (z > 0).float()  # no gradient gets through
        return self.draw(symbols).sigmoid().view(-1, 1, 28, 28)

    def loss(self, x: Tensor) -> Loss:
        raise NotImplementedError


def test_branches_sums_and_loops_are_followed() -> None:
    encoder, decoder = diagram.halves(Branching, Branching.Config())
    named = [(layer.text, layer.shape, layer.weights, layer.sources) for layer in encoder.layers]
    assert named == [
        ("Flatten", (784,), 0, {diagram.INPUT}),
        ("Linear", (8,), 784 * 8 + 8, {0}),
        ("ReLU", (8,), 0, {1}),
        ("Linear", (5,), 45, {2}),
        ("Linear", (5,), 45, {2}),
        ("Linear", (5,), 30, {3, 4}),
        ("Linear", (2,), 28, {2, 5}),
    ]
    assert encoder.exit_sources == {6}
    assert encoder.layers[6].takes == (13,)
    assert [layer.sources for layer in decoder.layers] == [{diagram.INPUT}]
    boxes, exits = diagram.joined(encoder.layers, encoder.exit_sources)
    assert [box.text for box in boxes] == [
        "Flatten",
        "Linear, ReLU",
        "Linear",
        "Linear",
        "Linear",
        "Linear",
    ]
    assert [box.sources for box in boxes] == [{diagram.INPUT}, {0}, {1}, {1}, {2, 3}, {1, 4}]
    assert exits == {5}


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_of_a_variant_is_drawn_with_its_weights(name: str) -> None:
    model_class = MODELS[name]
    for config in (model_class.Config(), *model_class.presets.values()):
        encoder, decoder = diagram.halves(model_class, config)
        model = optim.build(model_class, config, 0)
        in_layers = {
            id(weight)
            for module in model.modules()
            if type(module).__module__.startswith(("torch.nn", "aeviz.models.nets"))
            for weight in module.parameters()
        }
        wanted = sum(p.numel() for p in model.parameters() if id(p) in in_layers)
        assert encoder.weights + decoder.weights == wanted
        assert encoder.exit_shape == decoder.entry_shape == (model.code_dim,)
        for half in (encoder, decoder):
            assert half.layers
            assert all(layer.sources for layer in half.layers)
            assert all(s < k for k, layer in enumerate(half.layers) for s in layer.sources)
            boxes, exits = diagram.joined(half.layers, half.exit_sources)
            assert sum(box.weights for box in boxes) == half.weights
            assert exits <= set(range(len(boxes)))


def test_the_text_for_graphviz_has_each_box_each_edge_and_its_shape() -> None:
    model_class = MODELS["variational"]
    config = model_class.Config.from_dict({"latent_dim": 3, "depth": 1})
    encoder, decoder = diagram.halves(model_class, config)
    text = diagram.dot(encoder)
    assert text.count("{") == text.count("}")
    boxes = re.findall(r'^"?(-?\w+)"? \[label="([^"]+)"', text, re.MULTILINE)
    assert boxes == [
        ("-1", "image x"),
        ("0", "Flatten"),
        ("1", "Linear, SiLU\\n401,920 weights"),
        ("2", "Linear\\n3,078 weights"),
        ("end", "code z = mean of q(z|x)\\n3"),
    ]
    edges = re.findall(r'^"(-?\d+)" -> "?(\w+)"? \[label=" ([^"]+)"', text, re.MULTILINE)
    assert edges == [
        ("-1", "0", "1 × 28 × 28"),
        ("0", "1", "784"),
        ("1", "2", "512"),
        ("2", "end", "6"),
    ]
    assert 'label="code z"' in diagram.dot(decoder)


def test_a_label_enters_both_halves_where_a_variant_takes_one() -> None:
    takers = {name for name, model_class in MODELS.items() if model_class.uses_labels}
    for name, model_class in MODELS.items():
        for half in diagram.halves(model_class, model_class.Config()):
            assert ("label y" in diagram.dot(half)) == (name in takers)
