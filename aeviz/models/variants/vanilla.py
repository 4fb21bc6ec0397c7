"""The plain autoencoder: squeeze, then reconstruct."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import MLPDecoder, MLPEncoder
from aeviz.models.settings import (
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    depth_knob,
    dropout_knob,
    knob,
    layers_of,
    reconstruction_knob,
    width_knob,
)


class Vanilla(Autoencoder):
    """min E |x - g(f(x))|^2 with a narrow code z = f(x)."""

    title = "Vanilla autoencoder"
    year = 1986
    source = (
        "Rumelhart, Hinton & Williams 1986, Parallel Distributed Processing 1, chapter 8; "
        "Bourlard & Kamp 1988, Biological Cybernetics 59:291; deep ones: "
        "Hinton & Salakhutdinov 2006, Science 313:504"
    )
    formula = r"\mathcal{L} = \lVert x - \hat x \rVert^2, \qquad \hat x = g(f(x))"
    idea = "Squeeze the image through a few numbers and learn to reconstruct it from them."
    when = "You want a compact code with a small reconstruction error, and nothing else of it."
    fails = "The map has holes: between its islands the decoder was never trained."
    no_prior = (
        "Nothing in its loss says where codes should lie, so there is nothing to sample from."
    )
    recipe = Recipe(epochs=3, batch=64, lr=6e-3)
    order = 10
    common = 1
    needs = ("compression", "baseline")

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """Layers and the loss."""

        latent_dim: int = knob(
            2,
            low=1,
            high=1024,
            label="Latent dimension D",
            help="How many dimensions the code has. Two can be drawn as a map; with as many as "
            "an image has pixels nothing is squeezed, and it may learn to give back anything.",
        )
        width: int = width_knob()
        depth: int = depth_knob()
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "a map (2 dimensions)": Config(width=256),
        "a good reconstruction (32 dimensions)": Config(latent_dim=32, width=1024, depth=1),
        "the textbook's small one": Config(latent_dim=32, width=128, depth=2, activation="relu"),
        "the deep one of 2006 (1000-500-250-30)": Config(latent_dim=30, width=1000),
        "overcomplete (1,024 dimensions)": Config(latent_dim=1024, depth=0),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = MLPEncoder(self.shape, c.latent_dim, **layers)
        self.decoder = MLPDecoder(c.latent_dim, self.shape, **layers)
        if c.depth == 0 and c.latent_dim >= math.prod(self.shape):
            start_as_identity(self.encoder[1], self.decoder[0])

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        logits = self.logits(self.encode(x))
        return Loss({"reconstruction": reconstruction_loss(logits, x, self.config.reconstruction)})


def start_as_identity(encode: Any, decode: Any) -> None:
    """Make two linear layers copy any image before anything is learned.

    It is a solution that nothing in the loss forbids, and from here training leaves it slowly.
    From torch's own start it finds another: the plane of the digits, on which noise is lost.
    """
    steepness = 8.0  # of the sigmoid about grey: at 0 and at 1 it is 0.02 off
    nn.init.orthogonal_(encode.weight, gain=steepness)
    decode.weight.data.copy_(encode.weight.T / steepness)
    nn.init.zeros_(encode.bias)
    nn.init.constant_(decode.bias, -steepness / 2)
