"""The masked autoencoder: a transformer reads the patches that are left and imagines the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import MLPDecoder
from aeviz.models.settings import BaseConfig, Recipe, knob, reconstruction_knob

PATCH = 4
"""Pixels along the side of a patch."""
HEAD_DIM = 16


def patches(x: Tensor) -> Tensor:
    """Images (B, C, H, W) as their patches (B, H W / 16, 16 C), row by row."""
    return nn.functional.unfold(x, PATCH, stride=PATCH).mT


class Masked(Autoencoder):
    """min E |x - g(f(x_V))|^2, V the patches that are shown, drawn afresh for every image."""

    title = "Masked autoencoder (transformer)"
    year = 2021
    source = (
        "He et al. 2021, arXiv:2111.06377, section 3, whose loss counts hidden patches alone and "
        "whose decoder reads all tokens; here it counts all, and one code is handed on"
    )
    formula = (
        r"\begin{gathered} \mathcal{L} = \lVert x - \hat x \rVert^2, \quad"
        r" \hat x = g(f(x_{\mathcal V})) \\[4pt]"
        r" f(x_{\mathcal V}) = A\, \mathrm{Transformer}\bigl(c,"
        r" \{W x_i + b + p_i\}_{i \in \mathcal V}\bigr)_{c} + a \end{gathered}"
    )
    idea = "Show the encoder a few patches only; to redraw the rest it must know what digits are."
    when = "Parts of your images are missing, or you want attention instead of fixed layers."
    fails = "It fills a gap with the average of all that would fit, so large gaps come out blurred."
    no_prior = "Its loss asks what is hidden in an image, not where codes should lie."
    recipe = Recipe(epochs=0.7, batch=32, lr=2e-3)
    order = 80
    needs = ("missing",)
    uses_visible = True

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The code, how much is hidden, the transformer and the loss."""

        latent_dim: int = knob(
            64,
            low=1,
            high=256,
            label="Latent dimension D",
            help="How many numbers the class token hands on. All that is drawn is drawn from them.",
        )
        mask_ratio: float = knob(
            0.75,
            low=0.0,
            high=0.95,
            live=True,
            label="Hidden fraction",
            help="Fraction of the patches that the encoder never sees. Hiding more trains "
            "faster and asks for more imagination.",
        )
        heads: int = knob(
            4,
            low=1,
            high=16,
            label="Attention heads",
            help="Each head compares patches in its own way, in 16 dimensions.",
        )
        layers: int = knob(
            2,
            low=1,
            high=6,
            label="Transformer layers",
            help="How many times patches exchange what they know before the code is read off.",
        )
        width: int = knob(
            512,
            low=16,
            high=2048,
            label="Width of the decoder",
            help="Units in the decoder's hidden layer. Wider draws better and trains slower.",
        )
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "three quarters hidden": Config(),
        "nothing hidden": Config(mask_ratio=0.0),
        "a map (2 dimensions)": Config(latent_dim=2, mask_ratio=0.5),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        dim = HEAD_DIM * c.heads
        channels, height, width = self.shape
        if height % PATCH or width % PATCH:
            raise ValueError(
                f"Patches have {PATCH} by {PATCH} pixels: {height} by {width} are no multiples."
            )
        self.grid = height // PATCH, width // PATCH
        self.embed = nn.Linear(channels * PATCH * PATCH, dim)
        # Large at first, so that attention tells places apart from the first step on.
        self.positions = nn.Parameter(0.5 * torch.randn(math.prod(self.grid), dim))
        self.class_token = nn.Parameter(0.5 * torch.randn(dim))
        layer = nn.TransformerEncoderLayer(
            dim, c.heads, 4 * dim, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(
            layer, c.layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False
        )
        self.to_code = nn.Linear(dim, c.latent_dim)
        self.decoder = MLPDecoder(
            c.latent_dim, self.shape, width=c.width, depth=1, activation="silu"
        )

    def hide(self, x: Tensor) -> Tensor:
        """For each image a fresh choice of shown pixels (B, H, W), as many for each."""
        patches = math.prod(self.grid)
        shown = max(round((1 - self.config.mask_ratio) * patches), 1)
        chance = torch.rand(len(x), patches, device=x.device)
        visible = chance.argsort(dim=1).argsort(dim=1) < shown
        grid = visible.unflatten(1, self.grid)
        return grid.repeat_interleave(PATCH, dim=1).repeat_interleave(PATCH, dim=2)

    def encode(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Codes (B, D) of the patches all of whose pixels are visible (B, H, W) bool.

        The others are not blackened but left out, and no token stands for them.
        """
        x, positions, padding = patches(x), self.positions.expand(len(x), -1, -1), None
        if visible is not None:
            shown = patches(visible[:, None].to(x.dtype)).amin(2) > 0
            number = shown.sum(1, keepdim=True)
            # Shown patches come first, in their order, as many as the fullest image has.
            chosen = (~shown).int().argsort(dim=1, stable=True)[:, : int(number.max())]
            x = x.gather(1, chosen[..., None].expand(-1, -1, x.shape[2]))
            positions = self.positions[chosen]
            missing = torch.arange(-1, chosen.shape[1], device=x.device) >= number
            if missing.any():
                x, padding = x.masked_fill(missing[:, 1:, None], 0), missing
        token = self.class_token.expand(len(x), 1, -1)
        tokens = torch.cat([token, self.embed(x) + positions], dim=1)
        return self.to_code(self.transformer(tokens, src_key_padding_mask=padding)[:, 0])

    def logits(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor) -> Loss:
        """All pixels are compared, shown and hidden; `hidden_mse` is of the hidden ones."""
        visible = self.hide(x)
        logits = self.logits(self.encode(x, visible))
        hidden = ~visible[:, None]
        error = ((logits.detach().sigmoid() - x).square() * hidden).sum() / len(x[0])
        return Loss(
            {"reconstruction": reconstruction_loss(logits, x, self.config.reconstruction)},
            {"hidden_mse": error / hidden.sum().clamp(min=1)},
        )
