"""The denoising autoencoder: reconstruct the clean image from a corrupted one."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import MLPDecoder, MLPEncoder, corrupt
from aeviz.models.settings import (
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    corruption_knob,
    depth_knob,
    dropout_knob,
    knob,
    layers_of,
    level_knob,
    reconstruction_knob,
    width_knob,
)


class Denoising(Autoencoder):
    """min E |x - g(f(x~))|^2 with x~ a corrupted x, corrupted afresh for every batch."""

    title = "Denoising autoencoder"
    year = 2008
    source = (
        "Vincent et al. 2008, ICML, section 2.3; Gaussian noise and squared error: "
        "Vincent et al. 2010, JMLR 11:3371, section 3"
    )
    formula = (
        r"\mathcal{L} = \lVert x - \hat x \rVert^2, \qquad \hat x = g(f(\tilde x)), \quad"
        r" \tilde x \sim C(\tilde x \mid x)"
    )
    idea = "Corrupt the image on purpose and learn to give back the clean one."
    when = "Your images are noisy, or you want a code that ignores noise."
    fails = (
        "It smooths fine strokes away, and what was trained on Gaussian noise undoes a blur or "
        "missing pixels worse than a Wiener filter."
    )
    corrupts = True
    no_prior = "Its loss cares about clean images, not about where codes lie."
    recipe = Recipe(epochs=3, batch=64, lr=6e-3)
    order = 20
    common = 3
    needs = ("noise", "stability")

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """Corruption, layers and the loss."""

        latent_dim: int = knob(
            32,
            low=1,
            high=64,
            label="Latent dimension D",
            help="How many numbers the code has. Wide codes keep strokes, narrow ones the class.",
        )
        corruption: str = corruption_knob()
        level: float = level_knob()
        width: int = width_knob(1024)
        depth: int = depth_knob(2)
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "cleans Gaussian noise": Config(width=512, depth=1),
        "fills in missing pixels": Config(corruption="masking", level=0.5),
        "a map (2 dimensions)": Config(
            latent_dim=2, level=0.25, width=512, depth=3, activation="tanh"
        ),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = MLPEncoder(self.shape, c.latent_dim, **layers)
        self.decoder = MLPDecoder(c.latent_dim, self.shape, **layers)

    def corrupt(self, x: Tensor) -> Tensor:
        return corrupt(x, self.config.corruption, self.config.level)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        logits = self.logits(self.encode(self.corrupt(x)))
        return Loss({"reconstruction": reconstruction_loss(logits, x, self.config.reconstruction)})
