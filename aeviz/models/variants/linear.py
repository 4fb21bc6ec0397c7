"""The linear autoencoder: one matrix in, one matrix out, and what it finds is PCA."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from aeviz.models.base import Autoencoder, Loss
from aeviz.models.settings import BaseConfig, Recipe


class Linear(Autoencoder):
    """min E |x - (V (W x + b) + c)|^2."""

    title = "Linear autoencoder"
    year = 1989
    source = (
        "Baldi & Hornik 1989, Neural Networks 2:53, fact 4; with biases: Bourlard & Kamp 1988, "
        "Biological Cybernetics 59:291"
    )
    formula = (
        r"\mathcal{L} = \lVert x - \hat x \rVert^2, \qquad z = W x + b, \quad \hat x = V z + c"
    )
    idea = "Allow nothing but one matrix each way: it learns the plane that PCA computes."
    when = "You want the yardstick that every deeper autoencoder has to beat."
    fails = "It can only add and subtract fixed images, so its reconstructions are shadowy."
    no_prior = "It finds a plane through the images, and nothing in its loss places codes on it."
    recipe = Recipe(epochs=10, batch=128, lr=8e-3)
    order = 5
    needs = ("baseline",)

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The width of the code is all there is to choose."""

        reconstruction = "squared"

    presets = {
        "a map (2 dimensions)": Config(),
        "a reconstruction (32 dimensions)": Config(latent_dim=32),
    }

    config: Config

    def build(self) -> None:
        pixels = math.prod(self.shape)
        self.encoder = nn.Linear(pixels, self.config.latent_dim)
        self.decoder = nn.Linear(self.config.latent_dim, pixels)
        # A random projection and its transpose: from torch's usual start, Adam stays for long at
        # planes that miss one of the principal axes.
        nn.init.orthogonal_(self.encoder.weight)
        self.decoder.weight.data.copy_(self.encoder.weight.T)
        nn.init.zeros_(self.encoder.bias)
        nn.init.zeros_(self.decoder.bias)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x.flatten(1))

    def output(self, z: Tensor) -> Tensor:
        """What the matrix gives, (B, C, H, W): also below 0 and above 1."""
        return self.decoder(z).view(-1, *self.shape)

    def decode(self, z: Tensor) -> Tensor:
        return self.output(z).clamp(0, 1)

    def loss(self, x: Tensor) -> Loss:
        error = self.output(self.encode(x)) - x
        return Loss({"reconstruction": error.square().sum() / len(x)})
