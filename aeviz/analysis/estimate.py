"""A figure and its standard error: how far it would move on other images of the same kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

DRAWS = 200
"""Resamples of a bootstrap: its standard error is then known to a twentieth (Efron 1993, 6.4)."""


DECIMALS = 4
"""More are not shown."""
NOTHING = 1e-8
"""An error below it is that of float32, not of images."""
MISSED = 0.05
"""A bound of a share is one-sided and holds with 95 %."""


@dataclass(frozen=True)
class Estimate:
    """A figure measured on some images, and its standard error in the same unit."""

    value: float
    error: float

    def text(self, form: str = ".4f") -> str:
        """As in `0.0285 ± 0.0002`, both in one format."""
        return f"{self.value:{form}} ± {self.error:{form}}"

    def said(self, form: str = ".4f") -> str:
        """The same in a sentence: with more digits where the error needs them.

        Without an error where there is none: of a constant, of a single image, of what rounding
        leaves of nothing.
        """
        if not self.error > NOTHING:
            return f"{self.value:{form}}"
        if float(f"{self.error:{form}}"):
            return self.text(form)
        return self.text(f".{-math.floor(math.log10(self.error))}f")

    def brief(self) -> str:
        """With one digit of the error: `20.62 ± 0.01`; `784` where there is none.

        An error below the fourth decimal is rounded up to it.
        """
        if not self.error > 0:
            return f"{self.value:g}"
        digits = min(max(-math.floor(math.log10(self.error)), 0), DECIMALS)
        return Estimate(self.value, max(self.error, 10.0**-digits)).text(f".{digits}f")

    def verdict(self, bar: float, *, more: bool) -> str:
        """Held or missed; within the error, where another sample of images could have said both.

        Args:
            bar: the least that the figure must be, or the most.
            more: True where more is better.
        """
        if abs(self.value - bar) <= self.error:
            return "within the error"
        return "held" if (self.value > bar) == more else "missed"


def bound(of: int) -> float:
    """The most that a share can well be of which none of so many cases was seen.

    With a share p none is seen with the chance (1 - p)^n, which is 5 % at the bound: about 3 / n.

    Source: Clopper & Pearson 1934, Biometrika 26:404, for no case; one-sided.
    """
    return 1 - MISSED ** (1 / of)


def percent(share: Estimate, of: int = 0) -> str:
    """A share as a percentage, with the digits that its error needs: "13.4 ± 1.2 %".

    None and all of some cases are bounded, as in "0 of 1,000: at most 0.3 %": their spread is 0,
    and says nothing of what more cases would show.

    Args:
        of: so many cases; 0 for what is no share of cases, a constant then without an error.
    """
    if of and share.value in (0, 1):
        most = 100 * bound(of)
        digits = max(-math.floor(math.log10(most)), 0)
        most = math.ceil(most * 10**digits) / 10**digits
        if share.value == 0:
            return f"0 of {of:,}: at most {most:.{digits}f} %"
        return f"{of:,} of {of:,}: at least {100 - most:.{digits}f} %"
    if not share.error > 0:
        return f"{100 * share.value:g} %"
    return Estimate(100 * share.value, 100 * share.error).said(".1f") + " %"


def mean(values: np.ndarray) -> Estimate:
    """The mean of a value for each image (N,), and s / sqrt(N), s with N - 1."""
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return Estimate(float(values.mean()), float(error))


def of_draws(draws: np.ndarray) -> Estimate:
    """The mean where chance adds to it: a value for each draw of chance and image (K, N).

    The draws are averaged for each image first, as all see the same images: what is left of
    chance is part of the spread between images.
    """
    return mean(np.asarray(draws, np.float64).mean(0))


def ranked(errors: Mapping[str, np.ndarray]) -> tuple[list[str], bool]:
    """Whose mean error over the same images (N,) is least, who comes next; is the lead sure?

    Sure is one of more than its standard error, that of the difference for each image.
    """
    order = sorted(errors, key=lambda name: float(errors[name].mean(dtype=np.float64)))
    if len(order) < 2:
        return order, True
    lead = mean(errors[order[1]] - errors[order[0]])
    return order, lead.value > lead.error


def psnr(mse: Estimate) -> Estimate:
    """Peak signal-to-noise ratio of a mean squared error, dB; its error to first order.

    Infinite and sure where nothing is lost.
    """
    if not mse.value:
        return Estimate(math.inf, 0.0)
    return Estimate(-10 * math.log10(mse.value), 10 / math.log(10) * mse.error / mse.value)


def bootstrap(
    statistic: Callable[..., float], *samples: np.ndarray, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """A figure that is no mean over images: the spread of it over images drawn with replacement.

    Args:
        statistic: takes what `samples` are, each drawn for itself.
        samples: arrays with images along the first axis.
        draws: resamples.
        seed: of the drawing.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, algorithm 6.1.
    """
    rng = np.random.default_rng(seed)
    found = [
        statistic(*(sample[rng.integers(len(sample), size=len(sample))] for sample in samples))
        for _ in range(draws)
    ]
    return Estimate(float(statistic(*samples)), float(np.std(found, ddof=1)))
