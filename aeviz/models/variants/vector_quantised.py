"""The vector-quantised autoencoder: an image is a grid of entries of a learned codebook."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aeviz.data.datasets import Shape
from aeviz.models.base import Autoencoder, Loss, reconstruction_loss
from aeviz.models.nets import ACTIVATIONS, quartered
from aeviz.models.settings import BaseConfig, Recipe, activation_knob, knob, reconstruction_knob

MEMORY = 0.99
"""How much of an entry's past stays in its moving mean after a batch."""
DEAD = 0.02
"""An entry is dead that is chosen less often than this share of what all have on average."""


class VectorQuantised(Autoencoder):
    """min E |x - g(e)|^2 + commitment |z - sg(e)|^2, e the codebook's entry nearest to z = f(x).

    The codebook has no gradient: its entries follow the moving means of those z that chose them.
    """

    title = "Vector-quantised autoencoder"
    year = 2017
    source = "van den Oord et al. 2017, arXiv:1711.00937, eq. 1 to 3 and appendix A.1"
    formula = (
        r"\begin{gathered} \mathcal{L} = \lVert x - \hat x \rVert^2"
        r" + \beta\, \lVert z - \mathrm{sg}(e) \rVert^2 \\[4pt] z = f(x), \quad"
        r" e = \mathrm{arg\,min}_{e_k} \lVert z - e_k \rVert \\[4pt]"
        r" \hat x = g\bigl(z + \mathrm{sg}(e - z)\bigr) \\[4pt]"
        r" e_k \leftarrow \text{moving mean of the } z \text{ nearest to it} \end{gathered}"
    )
    idea = "Write the image as a grid of entries from a small learned codebook."
    when = "You want discrete codes, or sharp samples from a prior that is learned afterwards."
    fails = (
        "Entries that nothing is near would die and are put elsewhere; a straight path between "
        "codes moves in jumps."
    )
    recipe = Recipe(epochs=0.8, batch=32, lr=6e-3)
    order = 60
    needs = ("symbols", "compression", "images")

    @dataclass(frozen=True, kw_only=True)
    class Config(BaseConfig):
        """The codebook, its weights in the loss, layers, and the prior."""

        latent_dim: int = knob(
            8,
            low=1,
            high=64,
            label="Size of an entry D",
            help="How many numbers an entry of the codebook has. The code is a grid of entries, "
            "one for each 4 by 4 pixels.",
        )
        codebook_size: int = knob(
            64,
            low=2,
            high=512,
            label="Entries in the codebook",
            help="How many different entries there are to write an image with.",
        )
        commitment: float = knob(
            0.25,
            low=0.0,
            high=10.0,
            live=True,
            label="Commitment",
            help="How strongly the encoder is held to the entry that it chose.",
        )
        channels: int = knob(
            16,
            low=4,
            high=64,
            label="Feature maps",
            help="Channels after the first convolution; the others have twice as many.",
        )
        activation: str = activation_knob()
        reconstruction: str = reconstruction_knob("squared")
        prior_epochs: float = knob(
            0.2,
            low=0.0,
            high=100.0,
            label="Epochs of the prior",
            help="How long, after training, a prior learns which entry follows which. Good samples "
            "want several epochs, of some minutes each.",
        )

        def code_dim(self, shape: Shape) -> int:
            """All entries of the grid side by side."""
            return math.prod(quartered(shape)) * self.latent_dim

    presets = {
        "64 entries": Config(),
        "512 entries": Config(codebook_size=512, channels=32),
        "two entries": Config(codebook_size=2),
    }

    codebook: Tensor
    chosen: Tensor

    config: Config

    def build(self) -> None:
        c, self.grid = self.config, quartered(self.shape)
        bend, d, few, many = ACTIVATIONS[c.activation], c.latent_dim, c.channels, 2 * c.channels
        self.encoder = nn.Sequential(
            nn.Conv2d(self.shape[0], few, 4, stride=2, padding=1),
            bend(),
            nn.Conv2d(few, many, 4, stride=2, padding=1),
            bend(),
            nn.Conv2d(many, many, 3, padding=1),
            bend(),
            nn.Conv2d(many, d, 1, bias=False),
        )
        # z keeps its spread, so that entries stay apart (Lancucki et al. 2020, arXiv:2005.08520).
        self.norm = nn.BatchNorm2d(d, affine=False)
        self.register_buffer("codebook", torch.randn(c.codebook_size, d))
        self.register_buffer("chosen", torch.zeros(c.codebook_size))  # moving mean for each batch
        self.decoder = nn.Sequential(
            nn.Conv2d(d, many, 3, padding=1),
            bend(),
            nn.Conv2d(many, many, 3, padding=1),
            bend(),
            nn.ConvTranspose2d(many, few, 4, stride=2, padding=1),
            bend(),
            nn.ConvTranspose2d(few, self.shape[0], 4, stride=2, padding=1),
        )
        self.prior = Prior(c.codebook_size, math.prod(self.grid))

    def nearest(self, z: Tensor) -> Tensor:
        """Number of the codebook's entry nearest to each z (..., D): (...)."""
        return torch.cdist(z.reshape(-1, z.shape[-1]), self.codebook).argmin(1).view(z.shape[:-1])

    def before(self, x: Tensor) -> Tensor:
        """What the encoder says before it is snapped to the codebook, (B, places, D)."""
        return self.norm(self.encoder(x)).flatten(2).mT

    def encode(self, x: Tensor) -> Tensor:
        return self.codebook[self.nearest(self.before(x))].flatten(1)

    def draw(self, e: Tensor) -> Tensor:
        """Decoder output before the sigmoid, (B, C, H, W), of entries (B, places, D)."""
        return self.decoder(e.mT.unflatten(2, self.grid))

    def entries(self, z: Tensor) -> Tensor:
        return self.nearest(z.unflatten(1, (-1, self.config.latent_dim)))

    def logits(self, z: Tensor) -> Tensor:
        """Of the entries nearest to the code: every code is snapped to the codebook."""
        return self.draw(self.codebook[self.entries(z)])

    def loss(self, x: Tensor) -> Loss:
        z = self.before(x)
        k = self.nearest(z)
        e = self.codebook[k]
        logits = self.draw(z + (e - z).detach())  # forwards e, backwards straight through to z
        share = nn.functional.one_hot(k.flatten(), len(self.codebook)).to(z).mean(0)
        if self.training:
            self.follow(z.detach().flatten(0, 1), k.flatten())
        return Loss(
            {
                "reconstruction": reconstruction_loss(logits, x, self.config.reconstruction),
                "commitment": self.config.commitment * (z - e).square().sum() / len(x),
            },
            {"perplexity": torch.special.entr(share).sum().exp(), "dead_codes": (share == 0).sum()},
        )

    @torch.no_grad()
    def follow(self, z: Tensor, k: Tensor) -> None:
        """Move each entry towards the mean of the z (N, D) that chose it; k (N,) says which did.

        An entry that hardly anything chose for a while is put on a z at random.

        Source: van den Oord et al. 2017, appendix A.1; Dhariwal et al. 2020, arXiv:2005.00341,
        section 3.1, for restarting dead entries.
        """
        member = nn.functional.one_hot(k, len(self.codebook)).to(z)
        before = MEMORY * self.chosen[:, None]
        now = (1 - MEMORY) * member.sum(0)[:, None]
        sums = before * self.codebook + (1 - MEMORY) * member.T @ z
        least = DEAD * len(z) / len(self.codebook)
        dead = before + now < least
        at_random = z[torch.randint(len(z), (len(self.codebook),), device=z.device)]
        self.codebook.copy_(torch.where(dead, at_random, sums / (before + now).clamp(min=1e-6)))
        self.chosen.copy_(torch.where(dead, 2 * least, before + now)[:, 0])

    def finish(self, codes: Tensor) -> None:
        """Teach the prior which entries follow which in the grids of the training codes."""
        self.prior.learn(self.entries(codes), self.config.prior_epochs)

    def entries_nats(self, entries: Tensor) -> Tensor:
        logits = self.prior(entries)  # of each entry, given those before it
        return nn.functional.cross_entropy(logits.mT, entries, reduction="none").sum(1)

    def sample_prior(
        self, n: int, *, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Codes from the prior; a low temperature takes likely entries more often."""
        return self.codebook[self.prior.sample(n, temperature, generator)].flatten(1)


class Prior(nn.Module):
    """p(k_1, ..., k_L) = prod p(k_i | k_1, ..., k_(i-1)): a causal transformer over the grid.

    Its weights are buffers: kept with the model, but no part of the autoencoder's own training.
    """

    def __init__(self, entries: int, places: int, width: int = 64) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            width, nhead=4, dim_feedforward=2 * width, dropout=0.0, batch_first=True
        )
        self.entries = nn.Embedding(entries + 1, width)  # the last one stands before the first
        self.places = nn.Embedding(places, width)
        self.layers = nn.TransformerEncoder(layer, num_layers=2)
        self.head = nn.Linear(width, entries)
        for part in list(self.modules()):
            for name, weight in list(part.named_parameters(recurse=False)):
                delattr(part, name)
                part.register_buffer(name, weight.detach())

    def forward(self, grids: Tensor) -> Tensor:
        """Logits (B, L + 1, K) of each entry and of the next one, given those before, (B, L)."""
        start = grids.new_full((len(grids), 1), self.head.out_features)
        before = torch.cat([start, grids], dim=1)[:, : len(self.places.weight)]
        length = before.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=grids.device)
        h = self.entries(before) + self.places.weight[:length]
        return self.head(self.layers(h, mask=mask, is_causal=True))

    @torch.enable_grad()
    def learn(self, grids: Tensor, epochs: float, batch: int = 128, lr: float = 2e-3) -> None:
        """Minimise the cross-entropy of grids (N, L)."""
        weights = [weight.requires_grad_() for weight in self.buffers()]
        optimiser = torch.optim.Adam(weights, lr)
        steps = math.ceil(epochs * len(grids) / batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=max(steps, 4))
        for _ in range(steps):
            some = grids[torch.randint(len(grids), (batch,)).to(grids.device)]
            loss = nn.functional.cross_entropy(self(some).flatten(0, 1), some.flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        for weight in weights:
            weight.requires_grad_(False)

    @torch.no_grad()
    def sample(self, n: int, temperature: float, generator: torch.Generator | None) -> Tensor:
        """Grids (n, L), drawn entry by entry."""
        grids = torch.empty(n, 0, dtype=torch.long, device=self.head.weight.device)
        for _ in range(len(self.places.weight)):
            logits = self(grids)[:, -1].cpu()
            if temperature > 0:
                chance = (logits / temperature).softmax(1)
                drawn = torch.multinomial(chance, 1, generator=generator)
            else:
                drawn = logits.argmax(1, keepdim=True)
            grids = torch.cat([grids, drawn.to(grids)], dim=1)
        return grids
