"""The convolutional variational autoencoder: the ELBO with a trunk that was made for images."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from aeviz.models.base import Autoencoder, Loss
from aeviz.models.gaussian import draw, negative_elbo, parameters
from aeviz.models.nets import ConvDecoder, ConvEncoder
from aeviz.models.settings import (
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    beta_knob,
    binarise_knob,
    channels_knob,
    dropout_knob,
    hidden_knob,
    layers_of,
    reconstruction_knob,
)


class ConvolutionalVariational(Autoencoder):
    """min -ELBO = E_q[-log p(x|z)] + beta KL(q(z|x) || p(z)), f and g convolutional."""

    title = "Convolutional variational autoencoder"
    year = 2014
    source = "Salimans et al. 2014, arXiv:1410.6460, for the layers; Kingma & Welling 2013, eq. 10"
    formula = (
        r"\begin{gathered} \mathcal{L} = -\mathbb{E}_q \log p(x \mid z)"
        r" + \beta\, \mathrm{KL}\bigl(q \,\Vert\, \mathcal{N}(0, I)\bigr) \\[4pt]"
        r" q(z \mid x) = \mathcal{N}(\mu, \mathrm{diag}\, \sigma_z^2), \quad"
        r" \hat x = g(z) \end{gathered}"
    )
    idea = "A variational autoencoder whose layers share their weights over the image."
    when = "You want samples or a likelihood of images, and the code is wide."
    fails = (
        "It blurs too, a step takes twice as long as with fully connected layers, and with two "
        "dimensions its error is larger here."
    )
    has_posterior = gaussian_prior = True
    recipe = Recipe(epochs=1.2, batch=64, lr=6e-3)
    order = 45
    common = 7
    needs = ("samples", "images")

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """Feature maps, layers, the loss and the weight of the KL term."""

        beta: float = beta_knob()
        channels: int = channels_knob()
        hidden: int = hidden_knob()
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("bernoulli")
        binarise: bool = binarise_knob()

    presets = {
        "wide code (32 dimensions)": Config(latent_dim=32, channels=8, batch_norm=True),
        "a map (2 dimensions)": Config(),
        "black or white pixels": Config(latent_dim=32, channels=32, binarise=True),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = ConvEncoder(self.shape, 2 * c.latent_dim, **layers)
        self.decoder = ConvDecoder(c.latent_dim, self.shape, **layers)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean mu and log variance log_var of q(z|x), each (B, D)."""
        return parameters(self.encoder(x))

    def encode(self, x: Tensor) -> Tensor:
        return self.posterior(x)[0]

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        if self.config.binarise:
            x = x.bernoulli()
        mu, log_var = self.posterior(x)
        logits = self.logits(draw(mu, log_var))
        return negative_elbo(self.likelihood, x, logits, mu, log_var, beta=self.config.beta)
