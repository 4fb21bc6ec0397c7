"""The conditional variational autoencoder: the label is given, the code holds the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aeviz.models.base import Autoencoder, Loss
from aeviz.models.gaussian import draw, kl, negative_elbo, parameters
from aeviz.models.nets import hidden_widths, mlp
from aeviz.models.settings import (
    BaseConfig,
    Recipe,
    activation_knob,
    batch_norm_knob,
    beta_knob,
    binarise_knob,
    depth_knob,
    dropout_knob,
    reconstruction_knob,
    width_knob,
)


class Conditional(Autoencoder):
    """min E_q[-log p(x|z, y)] + beta KL(q(z|x, y) || p(z)): the negative ELBO of log p(x|y)."""

    title = "Conditional variational autoencoder"
    year = 2015
    source = (
        "Sohn et al. 2015, NeurIPS, eq. 4, with a prior that does not depend on the label, as in "
        "Kingma et al. 2014, arXiv:1406.5298, eq. 6"
    )
    formula = (
        r"\begin{gathered} \mathcal{L} = -\mathbb{E}_q \log p(x \mid z, y)"
        r" + \beta\, \mathrm{KL}\bigl(q \,\Vert\, \mathcal{N}(0, I)\bigr) \\[4pt]"
        r" q(z \mid x, y) = \mathcal{N}(\mu, \mathrm{diag}\, \sigma_z^2), \quad"
        r" \hat x = g(z, y) \end{gathered}"
    )
    idea = "Tell encoder and decoder which digit it is: the code is left to say how it is written."
    when = "You have labels, and want to ask for a digit or move a style from one to another."
    fails = "It needs labels, and its map shows slant and width but no islands of digits."
    uses_labels = True
    has_posterior = gaussian_prior = True
    recipe = Recipe(epochs=3, batch=80, lr=6e-3)
    order = 50
    needs = ("classes",)

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
        "a map of styles (2 dimensions)": Config(width=256),
        "wide code (16 dimensions)": Config(latent_dim=16, depth=2),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        hidden = hidden_widths(c.width, c.depth)
        how: dict[str, Any] = {
            "activation": c.activation,
            "batch_norm": c.batch_norm,
            "dropout": c.dropout,
        }
        pixels = math.prod(self.shape)
        self.encoder = mlp([pixels + self.classes, *hidden, 2 * c.latent_dim], **how)
        self.decoder = mlp([c.latent_dim + self.classes, *reversed(hidden), pixels], **how)

    def beside(self, numbers: Tensor, labels: Tensor) -> Tensor:
        """Numbers (B, N) and labels (B,) as one input (B, N + classes), a label as a one."""
        return torch.cat([numbers, nn.functional.one_hot(labels, self.classes).to(numbers)], dim=1)

    def each_label(self, like: Tensor) -> list[Tensor]:
        """Each label for a whole batch (B, ...): as often as there are classes, (B,)."""
        return [torch.full((len(like),), k, device=like.device) for k in range(self.classes)]

    def posterior(self, x: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean mu and log variance log_var of q(z|x, y), each (B, D)."""
        if labels is None:
            labels = self.classify(x)
        return parameters(self.encoder(self.beside(x.flatten(1), labels)))

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.posterior(x, labels)[0]

    def logits(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is None:
            return super().logits(z)
        return self.decoder(self.beside(z, labels)).view(-1, *self.shape)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is not None:
            return self.logits(z, labels).sigmoid()
        each = [self.logits(z, labels).sigmoid() for labels in self.each_label(z)]
        return torch.stack(each).mean(0)

    def classify(self, x: Tensor) -> Tensor:
        """The label (B,) of the best ELBO, its expectation taken at the posterior's mean.

        At the mean and not at a draw, so that the same image gets the same label each time.
        """
        costs = []
        for labels in self.each_label(x):
            mu, log_var = self.posterior(x, labels)
            logits = self.logits(mu, labels)
            log_p = self.likelihood.log_prob(logits.flatten(1)[None], x.flatten(1))[0]
            costs.append(kl(mu, log_var).sum(1) - log_p)
        return torch.stack(costs).argmin(0)

    def loss(self, x: Tensor, labels: Tensor | None = None) -> Loss:
        if self.config.binarise:
            x = x.bernoulli()
        if labels is None:
            labels = self.classify(x)
        mu, log_var = self.posterior(x, labels)
        logits = self.logits(draw(mu, log_var), labels)
        return negative_elbo(self.likelihood, x, logits, mu, log_var, beta=self.config.beta)
