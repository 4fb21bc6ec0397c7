"""The variational autoencoder: a code is a cloud, and all clouds together fill the prior."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from aeviz.models.base import Autoencoder, Loss
from aeviz.models.gaussian import draw, negative_elbo, parameters
from aeviz.models.nets import MLPDecoder, MLPEncoder
from aeviz.models.settings import (
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    beta_knob,
    binarise_knob,
    depth_knob,
    dropout_knob,
    layers_of,
    reconstruction_knob,
    width_knob,
)


class Variational(Autoencoder):
    """min -ELBO = E_q[-log p(x|z)] + beta KL(q(z|x) || p(z)), q = N(mu, sigma^2), p = N(0, I)."""

    title = "Variational autoencoder"
    year = 2013
    source = "Kingma & Welling 2013, arXiv:1312.6114, eq. 10; Higgins et al. 2017 for beta"
    formula = (
        r"\begin{gathered} \mathcal{L} = -\mathbb{E}_q \log p(x \mid z)"
        r" + \beta\, \mathrm{KL}\bigl(q \,\Vert\, \mathcal{N}(0, I)\bigr) \\[4pt]"
        r" q(z \mid x) = \mathcal{N}(\mu, \mathrm{diag}\, \sigma_z^2), \quad"
        r" \hat x = g(z) \end{gathered}"
    )
    idea = "Make each code a small cloud and press all clouds towards one round one, the prior."
    when = "You want new samples, smooth paths between images, or a likelihood."
    fails = (
        "Reconstructions blur, dimensions collapse (22 of 32 here, at beta = 1), and all codes "
        "together are not quite the prior: some samples are no digits."
    )
    recipe = Recipe(epochs=3, batch=80, lr=8e-3)
    order = 40
    common = 2
    needs = ("samples", "features")
    has_posterior = gaussian_prior = True

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """Layers, the loss and the weight of the KL term."""

        beta: float = beta_knob()
        width: int = width_knob()
        depth: int = depth_knob()
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("bernoulli")
        binarise: bool = binarise_knob()

    presets = {
        "a map (2 dimensions)": Config(width=256),
        "wide code (32 dimensions)": Config(latent_dim=32, depth=2),
        "black or white pixels": Config(latent_dim=32, depth=2, binarise=True),
        "beta = 4": Config(latent_dim=10, beta=4.0, depth=2),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = MLPEncoder(self.shape, 2 * c.latent_dim, **layers)
        self.decoder = MLPDecoder(c.latent_dim, self.shape, **layers)

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
