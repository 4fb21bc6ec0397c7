"""Parts of the page of paths: ends and waypoints, the film, the map, the strip, the distances."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st

from aeviz.analysis import estimate, neighbours, paths, typical
from aeviz.app import session, widgets
from aeviz.app.components.path_map import chosen, path_map
from aeviz.app.components.player import player
from aeviz.app.subject import ModelSubject
from aeviz.app.views import explore
from aeviz.charts import curves, pixels, theme
from aeviz.data import datasets
from aeviz.data.datasets import Dataset

FRAMES = 91
"""Of the film and the curve; the strip has as many as are asked for."""
MAP = "path-map"
"""Key of the map."""
STARTS = 0, 1
"""Classes of A and B at first."""
MOST = 8
"""Waypoints."""
WALKS = {"straight": paths.line, "spherical": paths.slerp}


@dataclass(frozen=True)
class Path:
    """A way through latent space from test image to test image, and what is decoded on it.

    stations: indices of the test images, A first, B last; steps: of the strip; told: the classes
    that the decoder is told, None for a model that takes none.
    """

    subject: ModelSubject
    stations: list[int]
    steps: int
    walk: Callable[[np.ndarray, int], np.ndarray]
    told: np.ndarray | None

    @cached_property
    def ends(self) -> np.ndarray:
        """The codes (K, D) of its stations."""
        return self.subject.codes()[self.stations]

    @cached_property
    def codes(self) -> np.ndarray:
        """As many places (FRAMES, D) as the film has frames."""
        return self.walk(self.ends, FRAMES)

    @cached_property
    def marks(self) -> dict[str, float]:
        """How far along it each station lies, in [0, 1]."""
        letters = ["A", *map(str, range(1, len(self.stations) - 1)), "B"]
        return dict(zip(letters, paths.milestones(self.ends, self.walk).tolist(), strict=True))

    @cached_property
    def away(self) -> np.ndarray:
        """How far each place is from the nearest training code (FRAMES,).

        The ends are codes of test images, so that they are no such codes themselves.
        """
        return self.subject.known().away(self.codes)

    def decoded(self, codes: np.ndarray) -> np.ndarray:
        """The images (N, H, W) of places (N, D) on it."""
        told = None if self.told is None else np.resize(self.told, len(codes))
        return self.subject.codec.decode(codes, told)

    def faded(self, steps: int) -> np.ndarray:
        """Its stations mixed pixel by pixel, (steps, H, W)."""
        images = datasets.to_float(self.subject.data.test_images[self.stations])
        mixed = paths.line(images.reshape(len(images), -1), steps)
        return mixed.reshape(steps, *images.shape[1:])


def pick_stations(data: Dataset) -> list[int]:
    """Widgets that choose A, B and waypoints between them; indices of test images in order.

    What the page chooses is typical of its class: a path from a fallen 8 teaches nothing.
    """
    first, second = (typical.most_typical(data, label) for label in STARTS)
    good = typical.typical(data)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        start = widgets.pick_test_image("A", "from", first, data, drawn_from=good)
        end = widgets.pick_test_image("B", "to", second, data, drawn_from=good)
        session.begin("via", "", str, lambda value: isinstance(value, str))
        box = session.box("via")
        written = st.text_input(
            "Waypoints",
            session.value("via"),
            type="search",
            key=box,
            placeholder="such as 18 61",
            help=f"Indices of test images that the path passes in this order, {MOST} at most.",
            width=190,
        )
        session.settled("via", "")
    last = len(data.test_images) - 1
    via = [int(index) for index in re.findall(r"\d+", written or "")]
    possible = [index for index in via if index <= last][:MOST]
    if via != possible:
        st.info(f"Waypoints are at most {MOST} indices from 0 to {last}.")
    return [start, *possible, end]


def pick_path(subject: ModelSubject, stations: list[int]) -> Path:
    """Widgets that choose how a path runs."""
    kind = "straight"
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        steps = widgets.slider("Steps in the strip", 3, 30, 11, key="path_steps")
        if subject.code_dim > 1 and subject.model.gaussian_prior:
            kind = widgets.choice(
                "Path",
                {"straight": "Straight", "spherical": "Spherical"},
                "path",
                "Spherical turns evenly about the origin. It makes sense where codes follow "
                "a Gaussian prior, and matters where they are wide.",
            )
        else:
            st.caption("Only a straight path here: a spherical one needs a Gaussian prior.")
    told = widgets.decoded_as(subject, "path_label")
    return Path(subject, stations, steps, WALKS[kind], told)


def film(path: Path) -> None:
    """A film of the path, decoded and cross-faded."""
    shares = zip(np.linspace(0, 1, FRAMES), path.away, strict=True)
    player(
        "film",
        {
            "Decoded along the path": path.decoded(path.codes),
            "Pixels cross-faded": path.faded(FRAMES),
        },
        [
            f"{share:.0%} of the way. Nearest training code: {gap:.2g} away."
            for share, gap in shares
        ],
        list(path.marks.items()),
        run_along=(MAP, path.subject.plane().project(path.codes)),
    )


def on_map(path: Path) -> None:
    """The path on the map, whose ends and waypoints are dragged there."""
    subject = path.subject
    told = None if path.told is None or len(path.told) > 1 else int(path.told[0])
    path_map(
        MAP,
        explore.ground_of(subject, told),
        path.stations,
        subject.plane().project(path.codes),
        path.away / subject.far(),
        list(path.marks.values()),
        _dragged,
    )
    st.caption(
        "Drag A and B from dot to dot, or click on the path for a waypoint. It is orange where it "
        "is far from every training code."
        + ("" if subject.code_dim <= 2 else " The map shows a part of the code.")
    )


def _dragged() -> None:
    """Put ends and waypoints where they were dragged to."""
    stations = chosen(MAP)
    assert stations is not None  # called when they change
    first, *via, last = stations
    session.put("from", first)
    session.put("to", last)
    session.put("via", " ".join(map(str, via)))


def strip(path: Path) -> None:
    """The path in steps, decoded above and cross-faded below; to take along as well."""
    steps = path.steps
    decoded, faded = path.decoded(path.walk(path.ends, steps)), path.faded(steps)
    widgets.gallery(
        [
            widgets.Item(
                [(decoded[k], f"decoded, step {k + 1}"), (faded[k], f"cross-faded, step {k + 1}")],
                f"{k / (steps - 1):.0%}",
            )
            for k in range(steps)
        ],
        size="4.6rem",
    )
    st.caption("Above: decoded. Below: A and B mixed pixel by pixel, which never moves a stroke.")
    both = pixels.tiles(np.concatenate([decoded, faded]), steps)
    name = f"path-{path.stations[0]}-{path.stations[-1]}"
    with st.container(horizontal=True):
        widgets.download("GIF", lambda: pixels.gif(decoded), f"{name}.gif")
        widgets.download("PNG", lambda: pixels.png(pixels.enlarge(both, 4)), f"{name}.png")


def emptiness(path: Path) -> None:
    """How far the path is from training codes, beside how far test codes are from these."""
    st.header("Does the path cross empty space?", anchor=False)
    subject = path.subject
    gaps, known = subject.gaps(), len(subject.known().codes)
    half, most = np.quantile(gaps, (0.5, 0.9)).tolist()
    st.plotly_chart(
        curves.distance_curve(path.away, half, most, path.marks),
        config=theme.PLAIN,
        alt="how far each place of the path is from the nearest code",
    )
    furthest, wide = path.away.max(), subject.code_dim > neighbours.NARROW
    on_map = (
        "" if wide else f" On the map a place is far from every code beyond {subject.far():.3g}."
    )
    st.markdown(
        f"At its emptiest the path is **{furthest:.2g}** from the nearest of {known:,} training "
        f"codes{' drawn at random' if wide else ''}, **{furthest / half:.1f} times** the distance "
        f"within which half of {len(gaps):,} test codes have one.{on_map}"
    )


def shell(path: Path) -> str:
    """How long codes are beside the radius of the prior's shell, in sentences."""
    subject, codes = path.subject, path.subject.codes()
    if not subject.model.gaussian_prior:
        return ""
    root, middle = np.sqrt(subject.code_dim), np.linalg.norm(path.codes[FRAMES // 2])
    means = "the means that the encoder gives are" if subject.model.has_posterior else "codes are"
    return (
        f"In a space of many dimensions D nearly all of the prior lies near a shell of radius √D, "
        f"here {root:.2f}, and the middle of a straight path lies inside the shell of its ends. "
        f"Here {means} {estimate.mean(np.linalg.norm(codes, axis=1)).said('.2f')} long on average "
        f"over {len(codes):,} test images (± is one standard error), and the middle of this path "
        f"{middle:.2f}."
    )
