"""The sparse autoencoder: a wide code of which each image uses little."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import MLPDecoder, MLPEncoder
from aeviz.models.settings import (
    BaseConfig,
    activation_knob,
    batch_norm_knob,
    depth_knob,
    dropout_knob,
    knob,
    layers_of,
    reconstruction_knob,
    width_knob,
)


class Sparse(Autoencoder):
    """min E |x - g(z)|^2 + penalty Omega(z), or with all but the k largest of z set to 0."""

    title = "Sparse autoencoder"
    year = 2011
    source = "Ng 2011, CS294A lecture notes; top-k: Makhzani & Frey 2013, arXiv:1312.5663"
    formula = (
        r"\mathcal{L} = \lVert x - \hat x \rVert^2 + \lambda\,\Omega(z), \qquad \Omega ="
        r" \textstyle\sum_j z_j \;\text{ or }\; \sum_j \mathrm{KL}(\rho \,\Vert\, \bar z_j)"
        r" \;\text{ or }\; z = \mathrm{top}_k(f(x))"
    )
    idea = "Give the code more room than it needs and let each image use only a few units."
    when = "You want units that stand for one thing each, such as a stroke, or a code to classify."
    fails = "Units can die and never answer again; too strong a penalty empties the code."
    no_prior = "Its loss says how many units may answer, not where codes should lie."
    order = 15
    needs = ("features",)

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The kind of sparsity, its strength, layers and the loss."""

        latent_dim: int = knob(
            256,
            low=1,
            high=1024,
            label="Latent dimension D",
            help="How many units the code has. More than needed: sparsity is what limits it.",
        )
        kind: str = knob(
            "top-k",
            choices=("L1", "KL", "top-k"),
            label="Kind of sparsity",
            help="L1 taxes activity, KL asks each unit to be active for a target share of the "
            "images, top-k keeps the k largest units and silences the rest.",
        )
        penalty: float = knob(
            0.1,
            low=0.0,
            high=10.0,
            label="Penalty",
            help="Weight of the sparsity term; top-k has none.",
        )
        target: float = knob(
            0.05,
            low=0.01,
            high=0.5,
            label="Target activity",
            help="Mean activity of a unit that KL asks for.",
        )
        k: int = knob(
            32,
            low=1,
            high=1024,
            label="Active units k",
            help="How many units top-k keeps for each image.",
        )
        width: int = width_knob(1024)
        depth: int = depth_knob(1)
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "the 32 largest of 256 (top-k)": Config(),
        "a code to classify (50 of 1,024)": Config(latent_dim=1024, k=50, depth=0),
        "a tax on activity (L1)": Config(kind="L1"),
        "a target for each unit (KL)": Config(kind="KL", penalty=0.5),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = MLPEncoder(self.shape, c.latent_dim, **layers)
        self.decoder = MLPDecoder(c.latent_dim, self.shape, **layers)
        self.scale = nn.BatchNorm1d(c.latent_dim, affine=False)

    def standardise(self, h: Tensor) -> Tensor:
        """Each unit of h (B, D) with mean 0 and variance 1 over the batch."""
        mean, variance = self.scale.running_mean, self.scale.running_var
        by_batch = self.training and len(h) > 1  # one image has no variance
        return nn.functional.batch_norm(h, mean, variance, training=by_batch)

    def encode(self, x: Tensor) -> Tensor:
        h = self.encoder(x)
        if self.config.kind == "L1":
            return h.relu()
        if self.config.kind == "KL":
            return h.sigmoid()
        # On one scale, so that it counts how unusual an answer is: else the same few units, which
        # answer loudly to every image, are kept each time, and nine of ten die.
        h = self.standardise(h)
        kept = h.topk(min(self.config.k, h.shape[1]), dim=1)
        return torch.zeros_like(h).scatter(1, kept.indices, kept.values)

    def active(self, z: Tensor) -> Tensor:
        # A sigmoid is never 0: there a unit is active where it is nearer to 1.
        return z > 0.5 if self.config.kind == "KL" else z != 0

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        z = self.encode(x)
        terms = {
            "reconstruction": reconstruction_loss(self.logits(z), x, self.config.reconstruction)
        }
        if self.config.kind == "L1":
            terms["sparsity"] = self.config.penalty * z.sum(1).mean()
        if self.config.kind == "KL":
            terms["sparsity"] = self.config.penalty * activity_kl(z, self.config.target)
        active = self.active(z)
        return Loss(
            terms,
            {
                "active_fraction": active.float().mean(),
                "dead_units": (~active).all(0).float().sum(),  # in this batch
            },
        )


def activity_kl(z: Tensor, target: float) -> Tensor:
    """Sum over units of KL(Bernoulli(target) || Bernoulli(mean activity)), z (B, D) in (0, 1).

    Source: Ng 2011, CS294A lecture notes, section 3.
    """
    mean = z.mean(0).clamp(1e-6, 1 - 1e-6)
    rho = torch.full_like(mean, target)
    return (rho * (rho / mean).log() + (1 - rho) * ((1 - rho) / (1 - mean)).log()).sum()
