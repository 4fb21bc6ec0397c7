"""The recurrent autoencoder: one network reads a digit row by row, another writes it again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.settings import BaseConfig, Recipe, knob, reconstruction_knob

CLOCK = 16
"""Learned numbers that tell the writer which row it is at; counting by itself is slow to learn."""

GAIN = 1.5
"""Size of fresh weights: more than 1, because a gate that is half open lets only half through."""


class Recurrent(Autoencoder):
    """min E |x - g(f(x_1, ..., x_k))|^2, the rows x_t read one by one, k cut at random."""

    title = "Recurrent autoencoder"
    year = 2015
    source = (
        "Srivastava et al. 2015, arXiv:1502.04681, section 2.2, with LSTMs and rows written in "
        "reverse; GRU: Cho et al. 2014, arXiv:1406.1078"
    )
    formula = (
        r"\begin{gathered} \mathcal{L} = \lVert x - \hat x \rVert^2 \\[4pt]"
        r" h_0 = 0, \quad h_t = \mathrm{GRU}(x_t, h_{t-1}) \\[4pt]"
        r" z = W h_k + b, \quad s_0 = \tanh(U z + a) \\[4pt]"
        r" s_t = \mathrm{GRU}'([z, c_t], s_{t-1}), \quad"
        r" \hat x_t = \sigma(V s_t + d) \end{gathered}"
    )
    idea = "Read the image as a sequence of rows, keep one memory, and write all rows from it."
    when = "Your data are sequences, and some break off early and should be completed."
    fails = (
        "Rows are read one after the other, which is slow, and its error stays above that of a "
        "vanilla autoencoder with as wide a code."
    )
    no_prior = "Its loss says what a code must remember, not where codes should lie."
    recipe = Recipe(epochs=0.4, batch=32, lr=1.2e-2)
    order = 70
    needs = ("sequences", "missing")
    uses_visible = True
    reads_rows = True

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The code, the two networks, how many digits are cut, and the loss."""

        latent_dim: int = knob(
            32,
            low=1,
            high=64,
            label="Latent dimension D",
            help="How many numbers are kept of all that was read. Every row is written from them.",
        )
        hidden: int = knob(
            128,
            low=16,
            high=512,
            label="Memory",
            help="Numbers that the reader and the writer carry from row to row.",
        )
        cut: float = knob(
            0.25,
            low=0.0,
            high=1.0,
            live=True,
            label="Digits cut off",
            help="Fraction of the digits that break off after a random row in training. The rest "
            "must be guessed. With 0 it learns to reconstruct only.",
        )
        reconstruction: str = reconstruction_knob("squared")

    presets = {
        "reconstructs and completes": Config(),
        "a good reconstruction (no cuts)": Config(cut=0.0),
        "a map (2 dimensions)": Config(latent_dim=2, cut=0.0),
    }

    config: Config

    def build(self) -> None:
        c = self.config
        channels, rows, columns = self.shape
        self.reader = nn.GRU(channels * columns, c.hidden, batch_first=True)
        self.to_code = nn.Linear(c.hidden, c.latent_dim)
        self.to_state = nn.Linear(c.latent_dim, c.hidden)
        self.clock = nn.Parameter(torch.randn(rows, CLOCK))
        self.writer = nn.GRU(c.latent_dim + CLOCK, c.hidden, batch_first=True)
        self.to_row = nn.Linear(c.hidden, channels * columns)
        self.start()

    @torch.no_grad()
    def start(self) -> None:
        """Weights through which a digit comes out at the other end; torch's own lose it on the way.

        Through a gate for each row and five small matrices, one digit's output differs from
        another's by 0.002 at first, and learning waits until that has grown. Memory fades over as
        many rows as there are.

        Source: Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16; torch has the update gate second.
        """
        for name, weight in self.named_parameters():
            if weight.ndim == 2 and name != "clock":
                weight.normal_(0, GAIN / weight.shape[1] ** 0.5)
        _, update, _ = self.reader.get_parameter("bias_hh_l0").chunk(3)
        update.uniform_(1, len(self.clock) - 1).log_()

    def rows(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) as sequences of rows (B, H, C W)."""
        return x.transpose(1, 2).flatten(2)

    def encode(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Codes (B, D) of the rows above the first one that has a hidden pixel.

        Reading ends there: what is below is never fed in. With no row at all an empty one is read.
        """
        rows = self.rows(x)
        if visible is None:
            memory = self.reader(rows)[1]
        else:
            lengths = visible.all(2).cumprod(1).sum(1)
            rows = rows.masked_fill((lengths == 0)[:, None, None], 0)
            packed = pack_padded_sequence(
                rows, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
            )
            memory = self.reader(packed)[1]
        return self.to_code(memory[0])

    def logits(self, z: Tensor) -> Tensor:
        """Decoder output before the sigmoid, (B, C, H, W), written from the top row down."""
        state = self.to_state(z).tanh()
        code, clock = z[:, None].expand(-1, len(self.clock), -1), self.clock.expand(len(z), -1, -1)
        states, _ = self.writer(torch.cat([code, clock], dim=2), state[None])
        return self.to_row(states).unflatten(2, (self.shape[0], -1)).transpose(1, 2)

    def loss(self, x: Tensor) -> Loss:
        """All rows are compared, also of the digits that were cut.

        The memory after row k knows nothing of the rows below. Reading all rows and looking at it
        there is what packing gives, and trains twice as fast.
        """
        every = len(self.clock)
        k = torch.randint(1, every, (len(x),), device=x.device)
        k = torch.where(torch.rand(len(x), device=x.device) < self.config.cut, k, every)
        memories, _ = self.reader(self.rows(x))
        logits = self.logits(self.to_code(memories[torch.arange(len(x), device=x.device), k - 1]))
        return Loss({"reconstruction": reconstruction_loss(logits, x, self.config.reconstruction)})
