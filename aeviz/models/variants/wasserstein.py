"""The Wasserstein autoencoder: the codes as a whole are pressed into the prior, not each one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Widths of the kernel, relative to that of the prior: near and far differences are both felt."""
MOST_CODES = 10_000
"""The mixture is fitted to at most this many codes; more take longer and change little."""


class Wasserstein(Autoencoder):
    """min E |x - g(f(x))|^2 + penalty MMD^2(q(z), p(z)), q(z) all codes together, p = N(0, I)."""

    title = "Wasserstein autoencoder"
    year = 2018
    source = (
        "Tolstikhin et al. 2018, arXiv:1711.01558, algorithm 2; "
        "sampling: Ghosh et al. 2020, arXiv:1903.12436, section 4"
    )
    formula = (
        r"\begin{gathered} \mathcal{L} = \lVert x - \hat x \rVert^2"
        r" + \lambda\, \mathrm{MMD}_k^2\bigl(q(z), \mathcal{N}(0, I)\bigr) \\[4pt]"
        r" \mathrm{MMD}_k^2 ="
        r" \mathbb{E}\bigl[k(z, z') + k(\epsilon, \epsilon') - 2 k(z, \epsilon)\bigr] \\[4pt]"
        r" k(a, b) = \textstyle\sum_s \frac{2 D s}{2 D s + \lVert a - b \rVert^2} \end{gathered}"
    )
    idea = "Let each code be a sharp point, and ask only that all together look like the prior."
    when = "You want samples and sharp reconstructions from one model, and need no likelihood."
    fails = "The penalty compares one batch with one draw: in wide codes it overlooks holes."
    gaussian_prior = True
    sampler = "The mixture fitted to its codes"
    recipe = Recipe(epochs=3, batch=64, lr=6e-3)
    order = 55
    needs = ("samples",)

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The weight of the penalty, layers, the loss and the sampler."""

        penalty: float = knob(
            30.0,
            low=0.0,
            high=1000.0,
            live=True,
            label="Penalty",
            help="Weight of the distance between the codes and the prior. With 0 it is a vanilla "
            "autoencoder.",
        )
        components: int = knob(
            20,
            low=1,
            high=100,
            label="Gaussians in the sampler",
            help="After training a mixture of so many Gaussians is fitted to the codes, and new "
            "codes are drawn from it.",
        )
        width: int = width_knob()
        depth: int = depth_knob()
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "a round map (2 dimensions)": Config(width=256),
        "samples (8 dimensions)": Config(latent_dim=8, depth=2),
    }

    weights: Tensor
    means: Tensor
    spreads: Tensor

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = MLPEncoder(self.shape, c.latent_dim, **layers)
        self.decoder = MLPDecoder(c.latent_dim, self.shape, **layers)
        # The sampler; until `finish` all its Gaussians are the prior.
        k, d = c.components, c.latent_dim
        self.register_buffer("weights", torch.full((k,), 1 / k))
        self.register_buffer("means", torch.zeros(k, d))
        self.register_buffer("spreads", torch.eye(d).repeat(k, 1, 1))

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        z = self.encode(x)
        distance = squared_mmd(z, torch.randn_like(z))
        return Loss(
            {
                "reconstruction": reconstruction_loss(
                    self.logits(z), x, self.config.reconstruction
                ),
                "divergence": self.config.penalty * distance,
            },
            {"mmd": distance},
        )

    def finish(self, codes: Tensor) -> None:
        """Fit the mixture from which codes are drawn (Ghosh et al. 2020, section 4)."""
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        k = self.config.components
        if len(codes) < 2 * k:
            return  # too few to fit anything to: the prior stays
        chosen = torch.randperm(len(codes))[:MOST_CODES].to(codes.device)
        with threadpool_limits(1):  # its many small products are slow with more
            mixture = GaussianMixture(k, tol=0.01, random_state=0)
            mixture.fit(codes[chosen].double().cpu().numpy())
        self.weights.copy_(torch.from_numpy(mixture.weights_))
        self.means.copy_(torch.from_numpy(mixture.means_))
        self.spreads.copy_(torch.linalg.cholesky(torch.from_numpy(mixture.covariances_)))

    def sample_prior(
        self, n: int, *, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Codes from the mixture, each spread about its Gaussian's mean by the temperature."""
        weights, means, spreads = self.weights.cpu(), self.means.cpu(), self.spreads.cpu()
        chosen = torch.multinomial(weights, max(n, 1), replacement=True, generator=generator)[:n]
        noise = torch.randn(n, self.config.latent_dim, 1, generator=generator)
        return (means[chosen] + temperature * (spreads[chosen] @ noise)[..., 0]).to(self.device)


def squared_mmd(z: Tensor, prior: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of codes and draws from the prior, (B, D) each; unbiased.

    The kernel is a sum of inverse multiquadrics C / (C + |a - b|^2), C a scale times 2 D: the
    expected squared distance between two draws from N(0, I).

    Source: Tolstikhin et al. 2018, arXiv:1711.01558, algorithm 2 and section 4.
    """
    n, d = z.shape

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
        c = 2 * d * torch.tensor(SCALES).to(a)[:, None, None]
        return (c / (c + squares.clamp(min=0))).sum(0)

    pairs = max(n * (n - 1), 1)  # of different codes; a code's distance to itself says nothing
    within = [(k.sum() - k.trace()) / pairs for k in (kernel(z, z), kernel(prior, prior))]
    return within[0] + within[1] - 2 * kernel(z, prior).mean()
