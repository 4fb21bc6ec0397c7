"""Rate and distortion: bytes of codes that are rounded with one step and entropy-coded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from aeviz.analysis import errors, estimate
from aeviz.analysis.codec import Codec
from aeviz.analysis.estimate import Estimate

COARSEST = 4.0
"""The first step that is tried, in standard deviations of the widest latent dimension."""
RATIO = 2 ** (1 / 8)
"""From one step that is tried to the next: an eighth of a bit for a dimension."""
TRIED = 89
"""So many are tried, over eleven octaves."""
APART = 4
"""Every so many of them is a point of the curve, half a bit for a dimension apart."""
FINER = 4
"""So many points of the curve have smaller steps than the chosen one needs."""
SLACK = 1.05
"""The largest step is chosen with which the MSE rises by no more than this factor."""


class Point(BaseModel):
    """One way to store an image.

    step: of rounding; None where nothing is rounded.
    size: bytes, mean over test images: no whole number, as images are stored one behind the other.
    mse: of the reconstruction of test images.
    decoder: bytes of what the receiver needs once: weights and tables.
    held_out: bytes and MSE of held-out images, to choose by; None where nothing is chosen.
    """

    model_config = ConfigDict(frozen=True)

    step: float | None
    size: Estimate
    mse: Estimate
    decoder: float = 0
    held_out: tuple[float, float] | None = None


# -- an entropy code ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Frequencies:
    """How often each whole number was seen at one place of a code, and what each costs after that.

    k costs -log2 p(k) bits, p(k) = (n(k) + T q(k)) / (N + T): n(k) of N training codes have it,
    and T different ones were seen. So that what was never seen costs finite bits, q gives each
    number a chance: 1/2 to 0 and 1 / (2 (|k| + 1) (|k| + 2)) to any other, or as much to each
    symbol of an alphabet.

    counts: (K,), of low, low + 1 and so on.
    alphabet: its size; 0 where there is none.

    Source: Witten & Bell 1991, IEEE Trans. Inf. Theory 37:1085, method C, for the share of q.
    """

    low: int
    counts: np.ndarray
    alphabet: int

    @property
    def seen(self) -> int:
        """How many different numbers were seen."""
        return int(np.count_nonzero(self.counts))

    def chance(self, k: np.ndarray) -> np.ndarray:
        """Of numbers k (M,), each greater than 0."""
        index = k - self.low
        known = (index >= 0) & (index < len(self.counts))
        n = np.where(known, self.counts[np.where(known, index, 0)], 0)
        total = self.counts.sum()
        return (n + self.seen * self._unseen(k)) / (total + self.seen)

    def _unseen(self, k: np.ndarray) -> np.ndarray:
        if self.alphabet:
            return np.full(len(k), 1 / self.alphabet)
        far = np.abs(k).astype(np.float64)
        return np.where(k == 0, 0.5, 0.5 / ((far + 1) * (far + 2)))


def fit(symbols: np.ndarray, alphabet: int = 0) -> list[Frequencies]:
    """Count the symbols (N, D), whole numbers, at each place."""
    found = []
    for column in np.ascontiguousarray(symbols.T):
        low = int(column.min())
        found.append(Frequencies(low, np.bincount(column - low), alphabet))
    return found


def ideal_bits(code: Sequence[Frequencies], symbols: np.ndarray) -> np.ndarray:
    """Bits (N,) of symbols (N, D): their cross-entropy under the frequencies of each place.

    Over many images an arithmetic coder comes to within a fraction of a byte of their sum.

    Source: Witten, Neal & Cleary 1987, Commun. ACM 30:520.
    """
    bits = np.zeros(len(symbols))
    for place, column in zip(code, np.ascontiguousarray(symbols.T), strict=True):
        low, high = int(column.min()), int(column.max())
        bits -= np.log2(place.chance(np.arange(low, high + 1)))[column - low]
    return bits


FREQUENCY_BYTES = 2
MIDDLE_BYTES = 4


def _table_bytes(code: Sequence[Frequencies]) -> int:
    """Of the frequencies of all that was seen and of the middle, which the receiver needs."""
    return sum(FREQUENCY_BYTES * place.seen + MIDDLE_BYTES for place in code)


# -- one step for all dimensions ----------------------------------------------------------------


@dataclass(frozen=True)
class Rounding:
    """Codes rounded to the nearest of evenly spaced values, which are as far apart everywhere.

    One step for all dimensions, with an entropy code after it, is reverse water-filling: all that
    matter are equally wrong, and one that spreads less than the step costs next to nothing.

    middle: (D,) the median of the training codes, so that zeros of a sparse code stay zeros.

    Source: Cover & Thomas 2006, Elements of Information Theory, section 10.3.3; Gray & Neuhoff
    1998, IEEE Trans. Inf. Theory 44:2325, section I, for the quantiser.
    """

    middle: np.ndarray
    step: float

    def symbols(self, codes: np.ndarray) -> np.ndarray:
        """How many steps (N, D) codes (N, D) are away from the middle."""
        return np.rint((codes - self.middle) / self.step).astype(np.int32)

    def codes(self, symbols: np.ndarray) -> np.ndarray:
        """Codes (N, D) float32 of symbols (N, D)."""
        return (self.middle + self.step * symbols).astype(np.float32)


# -- images -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coded:
    """Images (N, H, W), their codes (N, D), and the labels (N,) that belong to these, or None."""

    images: np.ndarray
    codes: np.ndarray
    labels: np.ndarray | None

    def mse(self, codec: Codec, codes: np.ndarray) -> np.ndarray:
        """Of each image (N,), reconstructed from codes (N, D) in place of its own."""
        return errors.mse(self.images, codec.decode(codes, self.labels))


def look(codec: Codec, images: np.ndarray) -> Coded:
    """What a codec makes of images; it finds labels by itself where it takes some."""
    labels = codec.classify(images)
    return Coded(images, codec.encode(images, labels), labels)


def rate_distortion(
    codec: Codec, train_codes: np.ndarray, held_out: Coded, test: Coded, classes: int
) -> tuple[list[Point], int]:
    """Size and MSE of test images, from large steps to small ones, and which point to take.

    That is the largest step with which the MSE of held-out images is within 5 % of what it is
    without rounding. Labels that belong to codes are paid with log2 of the number of classes.

    Args:
        train_codes: (N, D); the entropy code is fitted to them.
    """
    told = 0.0 if test.labels is None else math.log2(classes)
    symbols = codec.symbols(train_codes)
    if symbols is not None:
        return [_of_symbols(codec, fit(symbols, codec.alphabet), held_out, test, told)], 0
    middle = np.median(train_codes, axis=0).astype(np.float32)
    first = COARSEST * float(train_codes.std(axis=0).max()) or 1.0
    steps = first * RATIO ** -np.arange(TRIED, dtype=np.float64)
    most = SLACK * held_out.mse(codec, held_out.codes).mean(dtype=np.float64)

    def fine_enough(step: float) -> bool:
        way = Rounding(middle, step)
        rounded = way.codes(way.symbols(held_out.codes))
        return held_out.mse(codec, rounded).mean(dtype=np.float64) <= most

    coarse = range(0, TRIED, APART)
    enough = next((k for k in coarse if fine_enough(steps[k])), coarse[-1])
    between = range(max(enough - APART + 1, 0), enough)
    chosen = next((k for k in between if fine_enough(steps[k])), enough)
    taken = sorted({chosen, *(k for k in coarse if k <= enough + FINER * APART)})
    ways = [Rounding(middle, float(steps[k])) for k in taken]
    weights = codec.decoder_bytes()
    points = [_rounded(codec, weights, w, train_codes, held_out, test, told) for w in ways]
    return points, taken.index(chosen)


def _rounded(
    codec: Codec,
    weights: int,
    way: Rounding,
    train_codes: np.ndarray,
    held_out: Coded,
    test: Coded,
    told: float,
) -> Point:
    code = fit(way.symbols(train_codes))

    def both(coded: Coded) -> tuple[np.ndarray, np.ndarray]:
        symbols = way.symbols(coded.codes)
        return (ideal_bits(code, symbols) + told) / 8, coded.mse(codec, way.codes(symbols))

    size, mse = (estimate.mean(values) for values in both(test))
    least_size, least_mse = (float(values.mean()) for values in both(held_out))
    decoder = weights + _table_bytes(code)
    seen = least_size, least_mse
    return Point(step=way.step, size=size, mse=mse, decoder=decoder, held_out=seen)


def _of_symbols(
    codec: Codec, code: list[Frequencies], held_out: Coded, test: Coded, told: float
) -> Point:
    """Under the prior that was learned, or the frequencies: what is shorter on held-out images."""

    def counted(coded: Coded) -> np.ndarray:
        symbols = codec.symbols(coded.codes)
        assert symbols is not None  # its code is made of them
        return ideal_bits(code, symbols)

    bits, decoder = counted(test), codec.decoder_bytes() + _table_bytes(code)
    learned, at_test = codec.prior_bits(held_out.codes), codec.prior_bits(test.codes)
    if learned is not None and at_test is not None and learned.mean() < counted(held_out).mean():
        bits, decoder = at_test, codec.decoder_bytes(prior=True)
    mse = estimate.mean(test.mse(codec, test.codes))
    return Point(step=None, size=estimate.mean((bits + told) / 8), mse=mse, decoder=decoder)
