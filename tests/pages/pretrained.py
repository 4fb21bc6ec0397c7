"""The pretrained models that page tests go through."""

from __future__ import annotations

from aeviz.models import checkpoint

CARDS = checkpoint.pretrained()
HOME = next(name for name, card in CARDS.items() if card.home)
ONE_OF_EACH = sorted({HOME, *{card.variant: name for name, card in CARDS.items()}.values()})
"""The home model and one of each variant, the last by name."""
