"""The convolutional denoising autoencoder: clean images with layers made for images."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import ConvDecoder, ConvEncoder, corrupt
from aeviz.models.settings import (
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    channels_knob,
    corruption_knob,
    dropout_knob,
    hidden_knob,
    knob,
    layers_of,
    level_knob,
    reconstruction_knob,
)


class ConvolutionalDenoising(Autoencoder):
    """min E |x - g(f(x~))|^2 with x~ a corrupted x, f and g convolutional."""

    title = "Convolutional denoising autoencoder"
    year = 2011
    source = "Masci et al. 2011, ICANN, section 3; Vincent et al. 2010, JMLR 11:3371, section 3"
    formula = (
        r"\mathcal{L} = \lVert x - \hat x \rVert^2, \qquad \hat x = g(f(\tilde x)), \quad"
        r" \tilde x \sim C(\tilde x \mid x), \quad h^k = \varphi(\tilde x * W^k + b^k)"
    )
    idea = "A stroke in noise looks alike wherever it is: the weights that clean it are shared."
    when = "Your images are noisy in the way that you train it on, and you can wait."
    fails = (
        "What was trained on Gaussian noise cleans that best of all here, but undoes a blur or "
        "missing pixels worse than a Wiener filter."
    )
    corrupts = True
    no_prior = "Its loss cares about clean images, not about where codes lie."
    recipe = Recipe(epochs=1.5, batch=64, lr=6e-3)
    order = 35
    needs = ("noise", "images")

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """Corruption, feature maps, layers and the loss."""

        latent_dim: int = knob(
            64,
            low=1,
            high=256,
            label="Latent dimension D",
            help="How many numbers the code has. Wide codes keep strokes, narrow ones the class.",
        )
        corruption: str = corruption_knob()
        level: float = level_knob()
        channels: int = channels_knob()
        hidden: int = hidden_knob()
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "cleans Gaussian noise": Config(channels=8, batch_norm=True),
        "fills in missing pixels": Config(corruption="masking", level=0.5),
        "as pretrained (128 dimensions)": Config(latent_dim=128, channels=32, hidden=512),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = ConvEncoder(self.shape, c.latent_dim, **layers)
        self.decoder = ConvDecoder(c.latent_dim, self.shape, **layers)

    def corrupt(self, x: Tensor) -> Tensor:
        return corrupt(x, self.config.corruption, self.config.level)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        logits = self.logits(self.encode(self.corrupt(x)))
        return Loss({"reconstruction": reconstruction_loss(logits, x, self.config.reconstruction)})
