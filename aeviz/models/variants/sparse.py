"""The sparse autoencoder: a wide code of which each image uses little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import Dictionary, MLPDecoder, MLPEncoder
from aeviz.models.settings import (
    ERROR,
    ERRORS,
    RECONSTRUCTION_UNITS,
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    dropout_knob,
    knob,
    layers_of,
    reconstruction_knob,
    width_knob,
)

SLOPE = 4.0
"""How steep a unit of the KL kind is in standard deviations: steep enough that it is on or off."""
EPSILON = 1e-5
"""Added to a variance, as batch normalisation does."""


class Sparse(Autoencoder):
    """min E |x - (D z + c)|^2 + penalty Omega(z), z sparse, with atoms d_j of length 1.

    A penalty on the size of z asks for nothing where z may shrink and D grow instead. Two things
    hold the scale: with L1 and top-k each column of D, an atom, has length 1; with top-k and KL the
    answers h of the encoder are standardised over the batch, which also keeps each unit alive. A
    mirrored decoder, for top-k alone, has neither atoms nor a penalty that could be paid by scale.

    Source: bounded atoms: Lee et al. 2006, NIPS, Efficient sparse coding algorithms; a bounded
    variance instead: Evtimova & LeCun 2021, arXiv:2112.09214.
    """

    title = "Sparse autoencoder"
    year = 2011
    source = "Ng 2011, CS294A lecture notes; top-k: Makhzani & Frey 2013, arXiv:1312.5663"
    formula = (
        rf"\begin{{gathered}} \mathcal{{L}} = {ERROR}, \quad \hat x = D z + c,"
        r" \quad \lVert d_j \rVert = 1 \\[4pt]"
        r" z_j = h_j - \bar h_j \text{ for the } k \text{ largest } \hat h_j, \text{ else } 0"
        r" \\[4pt]"
        r" h = f(x), \quad \hat h_j = (h_j - \bar h_j) / s_j \end{gathered}"
    )
    idea = "Give the code more room than it needs and let each image use only a few units."
    when = "You want units that stand for one thing each, such as a stroke, or a code to classify."
    fails = "Under L1 units can die and never answer again; too strong a penalty empties the code."
    no_prior = "Its loss says how many units may answer, not where codes should lie."
    recipe = Recipe(epochs=5, batch=100, lr=5e-3)
    order = 15
    common = 5
    needs = ("features",)

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The kind of sparsity, its strength, layers and the loss."""

        before = {"decoder": "mirrored"}

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
            0.5,
            low=0.0,
            high=10.0,
            live=True,
            label="Penalty",
            help="Weight of the sparsity term.",
            when={"kind": ("L1", "KL")},
        )
        target: float = knob(
            0.05,
            low=0.01,
            high=0.5,
            live=True,
            label="Target activity",
            help="Mean activity of a unit that KL asks for.",
            when={"kind": ("KL",)},
        )
        k: int = knob(
            32,
            low=1,
            high=1024,
            live=True,
            label="Active units k",
            help="How many units top-k keeps for each image.",
            when={"kind": ("top-k",)},
        )
        decoder: str = knob(
            "dictionary",
            choices=("dictionary", "mirrored"),
            label="Decoder",
            help="A dictionary adds up atoms, one for each unit: images of length 1. Mirrored has "
            "the encoder's layers in reverse, and a sigmoid.",
            when={"kind": ("top-k",)},
        )
        width: int = width_knob(1024)
        depth: int = knob(
            0,
            low=0,
            high=6,
            label="Hidden layers",
            help="Of the encoder, each half as wide as the one before, and of a mirrored decoder. "
            "With none, each is one linear layer.",
        )
        activation: str = activation_knob()
        batch_norm: bool = batch_norm_knob()
        dropout: float = dropout_knob()
        reconstruction: str = reconstruction_knob(
            "squared", when={"kind": ("top-k",), "decoder": ("mirrored",)}
        )

        @property
        def dictionary(self) -> bool:
            """True where the decoder is one linear layer of atoms."""
            return self.kind != "top-k" or self.decoder == "dictionary"

    presets = {
        "the 32 largest of 256 (top-k)": Config(),
        "a code to classify (50 of 1,024)": Config(latent_dim=1024, k=50),
        "a tax on activity (L1)": Config(kind="L1"),
        "a target for each unit (KL)": Config(kind="KL", penalty=2.0),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = MLPEncoder(self.shape, c.latent_dim, **layers)
        self.scale = nn.BatchNorm1d(c.latent_dim, affine=False)
        if c.kind == "KL":
            self.threshold = nn.Parameter(torch.full((c.latent_dim,), -5.0))
        if not c.dictionary:
            self.decoder = MLPDecoder(c.latent_dim, self.shape, **layers)
            return
        self.decoder = Dictionary(c.latent_dim, self.shape, unit=c.kind != "KL")
        if c.depth == 0:
            # A unit that answers to what it draws is used from the first step on, and lives.
            self.encoder.get_parameter("1.weight").data.copy_(self.decoder.atoms().T)
            nn.init.zeros_(self.encoder.get_parameter("1.bias"))

    @classmethod
    def formula_of(cls, config: Any) -> str:
        """What is minimised with this kind of sparsity; bars are means over the batch."""
        if config.kind == "L1":
            return (
                rf"\begin{{gathered}} \mathcal{{L}} = {ERROR} + \lambda \textstyle\sum_j z_j"
                r" \\[4pt] \hat x = D z + c, \quad \lVert d_j \rVert = 1, \quad z = \max(f(x), 0)"
                r" \end{gathered}"
            )
        if config.kind == "KL":
            return (
                rf"\begin{{gathered}} \mathcal{{L}} = {ERROR} + \lambda \textstyle\sum_j"
                r" \mathrm{KL}(\rho \,\Vert\, \bar z_j) \\[4pt]"
                r" \hat x = D z + c, \quad z_j = \sigma(4 \hat h_j + b_j) \\[4pt]"
                r" h = f(x), \quad \hat h_j = (h_j - \bar h_j) / s_j \end{gathered}"
            )
        if config.dictionary:
            return cls.formula
        return (
            rf"\begin{{gathered}} \mathcal{{L}} = {ERRORS[config.reconstruction]}, \quad"
            r" \hat x = \sigma(g(z)) \\[4pt]"
            r" z_j = \hat h_j \text{ for the } k \text{ largest}, \text{ else } 0 \\[4pt]"
            r" h = f(x), \quad \hat h_j = (h_j - \bar h_j) / s_j \end{gathered}"
        )

    def standardise(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Each unit of h (B, D) with mean 0 and variance 1 over the batch; their spreads (D,)."""
        mean, variance = self.scale.running_mean, self.scale.running_var
        by_batch = self.training and len(h) > 1  # one image has no variance
        standard = nn.functional.batch_norm(h, mean, variance, training=by_batch)
        if by_batch or variance is None:
            variance = h.var(0, unbiased=False)
        return standard, (variance + EPSILON).sqrt()

    def encode(self, x: Tensor) -> Tensor:
        h = self.encoder(x)
        if self.config.kind == "L1":
            return h.relu()
        standard, spread = self.standardise(h)
        if self.config.kind == "KL":
            return (SLOPE * standard + self.threshold).sigmoid()
        # On one scale, so that it counts how unusual an answer is: else the same few units, which
        # answer loudly to every image, are kept each time, and nine of ten die.
        kept = standard.topk(min(self.config.k, h.shape[1]), dim=1)
        z = torch.zeros_like(h).scatter(1, kept.indices, kept.values)
        return spread * z if self.config.dictionary else z

    @property
    def most_active(self) -> int:
        c = self.config
        return min(c.k, c.latent_dim) if c.kind == "top-k" else 0

    def active(self, z: Tensor) -> Tensor:
        # A sigmoid is never 0: there a unit is active where it is nearer to 1.
        return z > 0.5 if self.config.kind == "KL" else z != 0

    def activity(self, z: Tensor) -> Tensor:
        return z if self.config.kind == "KL" else super().activity(z)

    def logits(self, z: Tensor) -> Tensor:
        return super().logits(z) if self.config.dictionary else self.decoder(z)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z).clamp(0, 1) if self.config.dictionary else super().decode(z)

    @property
    def unit(self) -> str:
        """What the loss terms are measured in."""
        return RECONSTRUCTION_UNITS["squared"] if self.config.dictionary else super().unit

    def loss(self, x: Tensor) -> Loss:
        z = self.encode(x)
        if self.config.dictionary:  # below black and above white too
            reconstruction = (self.decoder(z) - x).square().sum() / len(x)
        else:
            reconstruction = reconstruction_loss(self.decoder(z), x, self.config.reconstruction)
        terms = {"reconstruction": reconstruction}
        if self.config.kind == "L1":
            terms["sparsity"] = self.config.penalty * z.sum(1).mean()
        if self.config.kind == "KL":
            terms["sparsity"] = self.config.penalty * activity_kl(z, self.config.target)
        return Loss(
            terms,
            {
                "active_fraction": self.activity(z).mean(),
                "dead_units": (~self.active(z)).all(0).float().sum(),  # in this batch
            },
        )


def activity_kl(z: Tensor, target: float) -> Tensor:
    """Sum over units of KL(Bernoulli(target) || Bernoulli(mean activity)), z (B, D) in (0, 1).

    Source: Ng 2011, CS294A lecture notes, section 3.
    """
    mean = z.mean(0).clamp(1e-6, 1 - 1e-6)
    rho = torch.full_like(mean, target)
    return (rho * (rho / mean).log() + (1 - rho) * ((1 - rho) / (1 - mean)).log()).sum()
