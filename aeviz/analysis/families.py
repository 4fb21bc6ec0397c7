"""Pretrained models that differ in one setting alone, and what their maps have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from aeviz.analysis import estimate
from aeviz.analysis.estimate import Estimate
from aeviz.models import checkpoint
from aeviz.models.card import Card

FOLDER = checkpoint.FOLDER / "families"
KINDS: dict[str, Callable[[Card], float]] = {
    "beta": lambda card: card.config.to_dict()["beta"],
    "seed": lambda card: card.seed,
}
"""What the members of a family differ in, as their cards say it."""
MIDDLE = {"beta": 1.0, "seed": 0}
"""Of the one that is in both."""
NEAR = 10
"""So many neighbours of an image are compared between two maps."""
ROOM = 1.08
"""How much wider a map is than what is on it."""
CROWD = 30
"""The place of a class is where so many of its codes lie closest together."""


def members(cards: dict[str, Card], kind: str) -> dict[float, str]:
    """Those of a family: what they differ in -> name, the least first.

    Args:
        cards: by name, as from `checkpoint.pretrained(FOLDER)`.
        kind: a key of `KINDS`.
    """
    found = {
        KINDS[kind](card): f"{FOLDER.name}/{name}"
        for name, card in cards.items()
        if all(KINDS[other](card) == MIDDLE[other] for other in KINDS if other != kind)
    }
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Placement:
    """Where codes x (N, 2) are drawn: x @ turn + shift, with a turn (2, 2) and a shift (2,)."""

    turn: np.ndarray
    shift: np.ndarray

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Places (N, 2) of codes (N, 2)."""
        return codes @ self.turn + self.shift

    @property
    def scale(self) -> float:
        """How many times as long a distance is drawn."""
        return float(np.sqrt(abs(np.linalg.det(self.turn))))


UNMOVED = Placement(np.eye(2), np.zeros(2))


def procrustes(codes: np.ndarray, onto: np.ndarray) -> Placement:
    """The rotation or reflection, scale and shift that bring codes nearest to others, (N, 2) each.

    Nearest by the sum of squared distances between the codes of one image.

    Source: Schoenemann 1966, Psychometrika 31:1; with a scale Gower 1975, Psychometrika 40:33.
    """
    from scipy.linalg import orthogonal_procrustes

    (a, centre), (b, other) = _centred(codes), _centred(onto)
    turn, along = orthogonal_procrustes(a, b)
    turn = turn * along / np.square(a).sum()
    return Placement(turn, other - centre @ turn)


def left_over(codes: np.ndarray, onto: np.ndarray) -> Estimate:
    """The share of the spread of codes that no such motion explains: 0 of one map, 1 of chance.

    The sum of squared distances that `procrustes` leaves, divided by that of the codes to their
    mean: the same whichever of the two is moved.
    """

    def share(both: np.ndarray) -> float:
        (a, _), (b, _) = _centred(both[:, :2]), _centred(both[:, 2:])
        along = np.linalg.svd(a.T @ b, compute_uv=False).sum()
        return 1 - along**2 / (np.square(a).sum() * np.square(b).sum())

    return estimate.bootstrap(share, np.concatenate([codes, onto], 1))


def _centred(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = codes.mean(0, dtype=np.float64)
    return codes - centre, centre


def axes_alike(codes: np.ndarray, onto: np.ndarray) -> Placement:
    """The swap and the mirroring of axes that bring codes nearest to others, (N, D) each.

    A variational model whose axes are swapped or mirrored has the same loss, and the KL divergence
    of each dimension goes with its axis: what training made of the two is chance.
    """
    from scipy.optimize import linear_sum_assignment

    (a, _), (b, _) = _centred(codes), _centred(onto)
    along = a.T @ b
    rows, columns = linear_sum_assignment(-abs(along))
    turn = np.zeros(along.shape)
    turn[rows, columns] = np.where(along[rows, columns] < 0, -1.0, 1.0)
    return Placement(turn, np.zeros(len(turn)))


def along_axes(codes: Sequence[np.ndarray], middle: int) -> list[Placement]:
    """Axes swapped and mirrored so that each map is most like the next one towards the middle.

    Args:
        codes: (N, D) each, in the order of the family.
        middle: which of them stays as it is.
    """
    placed = {middle: UNMOVED}
    for k in [*range(middle + 1, len(codes)), *reversed(range(middle))]:
        nearer = k - 1 if k > middle else k + 1
        placed[k] = axes_alike(codes[k], placed[nearer](codes[nearer]))
    return [placed[k] for k in range(len(codes))]


def half_width(placement: Placement, codes: np.ndarray) -> float:
    """Half the width of a square map about the origin.

    On it are nearly all codes (N, 2), and two standard deviations of the prior, where they are
    drawn.
    """
    reach = np.percentile(np.abs(placement(codes)), 99.8)
    prior = np.abs(placement.shift).max() + 2 * placement.scale
    return ROOM * max(float(reach), float(prior))


def shared_neighbours(codes: np.ndarray, others: np.ndarray, k: int = NEAR) -> Estimate:
    """The share of the k nearest images of each that are among the k nearest on another map too.

    By chance it is k / (N - 1).

    Args:
        codes, others: (N, D), of the same images.
    """
    from sklearn.neighbors import NearestNeighbors

    a, b = (NearestNeighbors(n_neighbors=k).fit(of).kneighbors()[1] for of in (codes, others))
    return estimate.mean((a[:, :, None] == b[:, None, :]).any(2).mean(1))


def homes(codes: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Where each class is densest (classes, 2): the code with its 30th nearest of them closest.

    Args:
        codes: (N, 2).
        labels: (N,).
    """
    from scipy.spatial import KDTree

    found = np.zeros((classes, 2))
    for label in range(classes):
        own = codes[labels == label]
        if len(own):
            far = KDTree(own).query(own, min(CROWD, len(own)))[0]
            found[label] = own[far.reshape(len(own), -1)[:, -1].argmin()]
    return found
