"""How a run stands, in one sentence: what its curves say, and what helps.

Curves are noisy. Nothing is said to rise or fall unless medians of two stretches differ by several
standard errors, which are estimated from how much neighbouring points differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aeviz.training.curves import Point, by_term
from aeviz.training.spec import RunSpec
from aeviz.training.status import ENDED, State

Kind = Literal["falling", "flat", "few", "collapsed", "diverged", "overfitting"]

UNUSED = 0.01
"""KL of a latent dimension below which it is not used, nats: Burda et al. 2015, arXiv:1509.00519,
section 5, draw their line for the variance of its mean at the same number."""
EARLY = 300
"""Steps before which nothing is called flat or unused: the learning rate rises over the first 200,
many losses rest for a while at that of the mean image, and all dimensions begin with little KL."""
NARROW = 3
"""A code of so few dimensions needs each of them; a wide one leaves some unused at beta = 1."""
LEAST = 8
"""Points of a curve below which it is not judged: a median of fewer than four says little."""
SURE = 4.0
"""Standard errors by which two medians must differ. From so few points the error itself is
uncertain: with 3, one flat curve in twenty seemed to fall or to rise."""
UNSURE = 2.0
"""Standard errors up to which they may well be the same; between both numbers nothing is said."""
MATTERS = 0.002
"""Share of all that the loss fell by which it must still change to count: of an ELBO about 0.8
nats, as much as two seeds differ by."""
LOST, LEAST_LOST = 0.25, 0.1
"""Shares of what a loss had gained, and of its start, that it must lose to have diverged: noise of
that size would hide any learning."""
FEW = 1000
"""Steps that are few: after as many the default 2-d variational one has 6 nats more to lose."""
TOO_HIGH = 3.0
"""A learning rate so many times the variant's own is the first thing to suspect."""


@dataclass(frozen=True)
class Verdict:
    """What a run's curves say.

    sentence: for a person, with what helps.
    since: the step from which it holds, where there is one.
    """

    kind: Kind
    sentence: str
    since: int | None = None


def sentence(points: list[Point], spec: RunSpec, state: State = "running") -> str:
    """How a run stands; empty where there is nothing to say yet."""
    found = judge(points, spec, state)
    return found.sentence if found else ""


def judge(points: list[Point], spec: RunSpec, state: State = "running") -> Verdict | None:
    """What the curves of a run say, the worst first; None where they are too short to say."""
    if not points:
        return None
    curve = _Curve(points)
    worst = diverged(curve, spec) or collapsed(points, spec) or overfitting(curve)
    if worst or len(curve.steps) < LEAST or state in ("failed", "interrupted"):
        return worst
    over, change = state in ENDED, _change(_last_third(curve.steps, curve.validation))
    matters = MATTERS * curve.fallen
    if change.by >= -max(SURE * change.error, matters):
        if points[-1].step < EARLY or abs(change.by) > max(UNSURE * change.error, matters):
            return None  # it may fall, or it may be noise
        since = flat_since(curve, max(SURE * change.error, matters))
        said = (FLAT_OVER if over else FLAT) + (_too_high(spec) or BY_SIZE)
        return Verdict("flat", said.format(since=since), since)
    if not over:
        return Verdict("falling", FALLING)
    step, epoch = points[-1].step, points[-1].epoch
    if step < FEW or epoch < 1:
        counted = {"steps": _many(step, "step"), "epochs": _many(float(f"{epoch:.2g}"), "epoch")}
        return Verdict("few", SHORT.format(**counted) + (_too_high(spec) or LONGER))
    return Verdict("falling", FELL + (_too_high(spec) or LONGER))


FALLING = "The loss is still falling: let it train on."
FELL = "The loss was still falling when it ended. "
LONGER = "Train one minute more."
FLAT = "The loss is flat since step {since:,}: more steps change little. "
FLAT_OVER = "The loss was flat at the end, since step {since:,}: more steps would change little. "
BY_SIZE = "A wider code or a wider network would help."
SHORT = "It was trained for {steps} only, {epochs}, and the loss was still falling. "
DIVERGED = "The loss has diverged: it is no longer finite. Lower the learning rate{now}."
RISEN = "The loss rose again instead of falling. Lower the learning rate{now}."
OVERFIT = (
    "It overfits since step {since:,}: the validation loss rises while the training loss still "
    "falls. End it there, or choose a narrower network."
)
IGNORED = "The decoder ignores the code: no latent dimension is used (KL below 0.01 nats). {helps}"
ONE_UNUSED = "Dimension {which} is not used (its KL is below 0.01 nats). {helps}"
MANY_UNUSED = "{many} of {all} dimensions are not used (KL below 0.01 nats). {helps}"


# -- what can be wrong --------------------------------------------------------------------------


def diverged(curve: _Curve, spec: RunSpec) -> Verdict | None:
    """Whether the loss is not finite, or far above the lowest that it was, in training too."""
    now = f" ({spec.lr:g} now)"
    if not (np.isfinite(curve.validation[-1]) and np.isfinite(curve.train[-1])):
        return Verdict("diverged", DIVERGED.format(now=now))
    if len(curve.steps) > 3 and all(_has_risen(v) for v in (curve.validation, curve.train)):
        return Verdict("diverged", RISEN.format(now=now))
    return None


def _has_risen(values: np.ndarray) -> bool:
    """True where the last ones lost much of what was gained; single points do not count."""
    by_three = np.median(np.lib.stride_tricks.sliding_window_view(values, 3), axis=1)
    start, last = values[0], by_three[-1]
    best = min([start, *by_three[np.isfinite(by_three)]])
    return bool(last > best + max(LOST * (start - best), LEAST_LOST * abs(start)))


def collapsed(points: list[Point], spec: RunSpec) -> Verdict | None:
    """Whether latent dimensions of a variational model say nothing, at its last three points."""
    kept = [_kl(point) for point in points[-3:]]
    if len(kept) < 3 or points[-3].step < EARLY or not all(map(len, kept)):
        return None
    unused = np.all([kl < UNUSED for kl in kept], axis=0)
    many, all_of_them, beta = int(unused.sum()), len(unused), spec.config.to_dict().get("beta", 1.0)
    if many == all_of_them:
        return Verdict("collapsed", IGNORED.format(helps=_helps(spec, beta)))
    if many and all_of_them <= NARROW:
        which = f"z{int(np.flatnonzero(unused)[0]) + 1}"
        said = ONE_UNUSED if many == 1 else MANY_UNUSED
        helps = _helps(spec, beta)
        said = said.format(which=which, many=many, all=all_of_them, helps=helps)
        return Verdict("collapsed", said)
    if many > all_of_them / 2 and beta > 1:
        helps = _helps(spec, beta)
        return Verdict("collapsed", MANY_UNUSED.format(many=many, all=all_of_them, helps=helps))
    return None


def _helps(spec: RunSpec, beta: float) -> str:
    if beta > 1:
        return _too_high(spec) or f"Lower beta ({beta:g} now)."
    return _too_high(spec) or "Train it again with another seed or a smaller beta."


def _too_high(spec: RunSpec) -> str:
    """What to do about a learning rate far above the variant's own; empty where it is not."""
    if spec.lr <= TOO_HIGH * spec.model_class.recipe.lr:
        return ""
    return f"Lower the learning rate ({spec.lr:g} now)."


def _kl(point: Point) -> np.ndarray:
    """KL of each latent dimension (D,), nats; empty where a model has none."""
    found = point.validation.metrics.get("kl_per_dim", [])
    return np.array(found if isinstance(found, list) else [found])


def overfitting(curve: _Curve) -> Verdict | None:
    """Whether the validation loss rises from its lowest stretch on while training falls."""
    if len(curve.steps) < 2 * LEAST:
        return None
    size = max(len(curve.steps) // 6, LEAST // 2)
    stretches = np.lib.stride_tricks.sliding_window_view(curve.validation, size)
    lowest = int(np.median(stretches, axis=1).argmin())
    best, last = slice(lowest, lowest + size), slice(-size, None)
    rise = _between(curve.validation, best, last)
    fall = _between(curve.train, best, last)
    matters = MATTERS * curve.fallen
    if rise.by > max(SURE * rise.error, matters) and fall.by < -max(SURE * fall.error, matters):
        since = int(curve.steps[lowest + size // 2])
        return Verdict("overfitting", OVERFIT.format(since=since), since)
    return None


def flat_since(curve: _Curve, least: float) -> int:
    """The first step from which the validation loss is as low as in the last third.

    Args:
        least: difference of the loss that counts.
    """
    last = _last_third(curve.steps, curve.validation)
    near = np.abs(_smooth(curve.validation) - np.median(last)) <= least
    begins = len(near) - (len(near) if near.all() else int(near[::-1].argmin()))
    return int(curve.steps[min(begins, len(near) - len(last))])


# -- curves and their noise ---------------------------------------------------------------------


class _Curve:
    """Training and validation loss (K,) after each of K steps, from the start on."""

    def __init__(self, points: list[Point]) -> None:
        terms = by_term(points)
        self.steps = np.array([point.step for point in points])
        self.train, self.validation = terms.get("total") or next(iter(terms.values()))

    @property
    def fallen(self) -> float:
        """By how much validation fell in all."""
        return float(abs(self.validation[0] - np.nanmin(self.validation)))


@dataclass(frozen=True)
class _Change:
    by: float
    error: float


def _last_third(steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of the last third of the steps, at least `LEAST` of them."""
    return values[-max(int((steps >= steps[-1] * 2 / 3).sum()), LEAST) :]


def _change(values: np.ndarray) -> _Change:
    """By how much the second half of some values differs from the first."""
    half = len(values) // 2
    return _between(values, slice(half), slice(-half, None))


def _between(values: np.ndarray, one: slice, other: slice) -> _Change:
    """By how much the median of a stretch of a curve differs from another's, and how surely.

    The standard error of a median of n is 1.25 sigma / sqrt(n).
    """
    a, b = values[one], values[other]
    sigma = _noise(np.concatenate([a, b]), len(a))
    error = 1.25 * sigma * np.sqrt(1 / len(a) + 1 / len(b))
    return _Change(float(np.median(b) - np.median(a)), float(error))


def _noise(values: np.ndarray, cut: int) -> float:
    """Standard deviation of the noise of two stretches, which meet at `cut`.

    From the differences of neighbours, less their own median: a trend is no noise. They differ by
    sqrt(2) sigma.
    """
    apart = [np.diff(part) for part in (values[:cut], values[cut:])]
    steps = np.concatenate([part - np.median(part) for part in apart if len(part)])
    return float(np.sqrt((steps**2).mean() / 2)) if len(steps) else 0.0


def _smooth(values: np.ndarray) -> np.ndarray:
    """Medians of five neighbours, fewer at both ends (K,)."""
    return np.array([np.median(values[max(k - 2, 0) : k + 3]) for k in range(len(values))])


def _many(number: float, what: str) -> str:
    return f"{number:,g} {what}" + ("s" if number != 1 else "")
