"""The contractive autoencoder: a code that hardly moves when the image does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import MLPDecoder, MLPEncoder, Transposed
from aeviz.models.settings import (
    HIDDEN,
    BaseConfig,
    Recipe,
    activation_knob,
    depth_knob,
    knob,
    layers_of,
    reconstruction_knob,
    width_knob,
)


class Contractive(Autoencoder):
    """min E |x - g(f(x))|^2 + penalty |J|_F^2, J = df/dx the Jacobian of the encoder.

    The penalty asks for small slopes, and a code has them that is small as a whole, if the decoder
    makes up for it. With one sigmoid layer the decoder is therefore its transpose, as in the paper:
    what shrinks W shrinks the reconstruction too. Deeper networks keep decoders of their own: with
    each layer tied they learn far more slowly (MSE .055 against .034 after 400 steps, 32
    dimensions, on the last 10,000 training images), and what they gain is not scale alone, as the
    slopes divided by the spread of the codes say, which the loss page shows.
    """

    title = "Contractive autoencoder"
    year = 2011
    source = "Rifai et al. 2011, ICML, eq. 3; one sigmoid layer: eq. 7"
    formula = (
        r"\mathcal{L} = \lVert x - \hat x \rVert^2 + \lambda\,\lVert J_f(x) \rVert_F^2,"
        r" \qquad J_f(x) = \frac{\partial f(x)}{\partial x}"
    )
    idea = "Punish the code for moving when a pixel does: only what tells digits apart survives."
    when = "You want a code that small changes of the image leave alone, or one to classify."
    fails = "Exact Jacobians cost a pass for each latent dimension; the code shrinks as a whole."
    no_prior = "Its loss says how slowly codes change, not where codes should lie."
    recipe = Recipe(epochs=2, batch=64, lr=4e-3)
    order = 25
    common = 6
    needs = ("features", "stability")

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The penalty and how it is computed, layers and the loss."""

        penalty: float = knob(
            0.1,
            low=0.0,
            high=100.0,
            live=True,
            label="Penalty",
            help="Weight of the squared Jacobian. With 0 it is a vanilla autoencoder.",
        )
        jacobian: str = knob(
            "exact",
            choices=("exact", "estimate"),
            label="Jacobian",
            help="Exact takes a backward pass for each latent dimension. Estimate takes one, "
            "along a random direction: right on average, noisy in each step.",
            when=HIDDEN,
        )
        tied: bool = knob(
            False,
            label="Tied weights",
            help="The decoder is the transpose of the encoder's one layer, so that smaller "
            "weights cannot pay the penalty.",
            when={"depth": (0,)},
        )
        width: int = width_knob()
        depth: int = depth_knob(2)
        activation: str = activation_knob()
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "a map (2 dimensions)": Config(width=256, depth=3, jacobian="estimate"),
        "a stable code (32 dimensions)": Config(latent_dim=32, jacobian="estimate"),
        "one sigmoid layer (the paper's)": Config(
            latent_dim=64, depth=0, tied=True, reconstruction="bernoulli", penalty=3.0
        ),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        layers = layers_of(c)
        self.encoder = MLPEncoder(self.shape, c.latent_dim, **layers)
        if self.tied:
            self.decoder = Transposed(self.shape)
        else:
            self.decoder = MLPDecoder(c.latent_dim, self.shape, **layers)

    @property
    def tied(self) -> bool:
        """True where the decoder is the transpose of the encoder."""
        return self.config.tied and self.config.depth == 0

    @classmethod
    def formula_of(cls, config: Any) -> str:
        """What is minimised with these settings, as LaTeX: tied weights have a row of their own."""
        formula = super().formula_of(config)
        if not config.tied or config.depth:
            return formula
        return (
            rf"\begin{{gathered}} {formula} \\[4pt]"
            r" f(x) = \sigma(W x + b), \quad \hat x = \sigma(W^\top f(x) + c) \end{gathered}"
        )

    def encode(self, x: Tensor) -> Tensor:
        z = self.encoder(x)
        return z if self.config.depth else z.sigmoid()

    def squared_jacobian(self, x: Tensor) -> Tensor:
        """Squared Frobenius norm (B,) of the encoder's Jacobian at each x (B, C, H, W)."""
        if self.config.depth == 0:  # Rifai et al., eq. 7: the slope of a sigmoid is z (1 - z)
            z = self.encode(x)
            return (z * (1 - z)).square() @ self.weight.square().sum(1)
        if self.config.jacobian == "exact":
            rows = vmap(jacrev(lambda one: self.encode(one[None])[0]))(x)  # (B, D, C, H, W)
            return rows.flatten(1).square().sum(1)
        # E |v J|^2 = |J|_F^2 for v ~ N(0, I): Hutchinson 1990.
        z, backward = cast(tuple[Tensor, Any], torch.func.vjp(self.encode, x))
        (row,) = backward(torch.randn_like(z))
        return row.flatten(1).square().sum(1)

    @property
    def weight(self) -> Tensor:
        """Of an encoder's one layer, (D, pixels)."""
        return self.encoder.get_parameter("1.weight")

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z, self.weight) if self.tied else self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        logits = self.logits(self.encode(x))
        norm = self.squared_jacobian(x).mean()
        return Loss(
            {
                "reconstruction": reconstruction_loss(logits, x, self.config.reconstruction),
                "contraction": self.config.penalty * norm,
            },
            {"squared_jacobian": norm},
        )
