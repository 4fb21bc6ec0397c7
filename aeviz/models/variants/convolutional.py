"""The convolutional autoencoder: the same weights look at every place of the image."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import ConvDecoder, ConvEncoder
from aeviz.models.settings import (
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    channels_knob,
    dropout_knob,
    hidden_knob,
    layers_of,
    reconstruction_knob,
)


class Convolutional(Autoencoder):
    """min E |x - g(f(x))|^2 with strided convolutions down and transposed ones up."""

    title = "Convolutional autoencoder"
    year = 2011
    source = (
        "Masci et al. 2011, ICANN, section 3; here strides in place of max-pooling, free weights"
    )
    formula = (
        r"\mathcal{L} = \lVert x - \hat x \rVert^2, \qquad \hat x = g(f(x)), \quad"
        r" h^k = \varphi(x * W^k + b^k)"
    )
    idea = "Share the weights over the image: a stroke is the same stroke wherever it is."
    when = "Your inputs are images, the code is wide, and a small error matters more than speed."
    fails = (
        "A step takes twice as long as with fully connected layers; with two dimensions its error "
        "is larger here, and its map has holes too."
    )
    no_prior = (
        "Nothing in its loss says where codes should lie, so there is nothing to sample from."
    )
    recipe = Recipe(epochs=1, batch=64, lr=5e-3)
    order = 30
    common = 4
    needs = ("images", "compression")

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """Feature maps, layers and the loss."""

        channels: int = channels_knob()
        hidden: int = hidden_knob()
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "a good reconstruction (32 dimensions)": Config(
            latent_dim=32, channels=8, hidden=512, batch_norm=True
        ),
        "a map (2 dimensions)": Config(activation="tanh"),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = ConvEncoder(self.shape, c.latent_dim, **layers)
        self.decoder = ConvDecoder(c.latent_dim, self.shape, **layers)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        logits = self.logits(self.encode(x))
        return Loss({"reconstruction": reconstruction_loss(logits, x, self.config.reconstruction)})
