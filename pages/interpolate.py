import re

import numpy as np
import streamlit as st

from aeviz.analysis import neighbours, paths, planes
from aeviz.app import session, ui
from aeviz.app.components.player import player
from aeviz.charts import curves, maps, theme
from aeviz.charts.pixels import enlarge, gif, png, tiles
from aeviz.data import datasets
from aeviz.models import apply

FRAMES = 91  # of the film and the curve; the film strip has as many as are asked for
DOTS = 3000
MOST = 8  # waypoints
WALKS = {"straight": paths.line, "spherical": paths.slerp}
TARGETS = {"from": "A", "to": "B", "via": "a waypoint"}

ui.heading(
    "What lies between two digits?",
    "The decoder draws every place on a path from A to B. "
    "Look for where it passes through digits that are neither A nor B.",
)
name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
codes, images = ui.codes(name, dataset.name), dataset.test_images


def picked() -> None:
    """Put an end or a waypoint on the dot that was clicked."""
    dots = st.session_state.dots.selection.points
    target = session.value("target")
    for number in [dot["customdata"] for dot in dots if "customdata" in dot]:
        if target == "via":
            session.put("via", f"{session.value('via') or ''} {number}".strip())
        else:
            session.put(target, int(number))


waypoints = session.box("via", st.query_params.get("via", ""))
with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
    start = ui.pick_test_picture("A", "from", 3, dataset)
    end = ui.pick_test_picture("B", "to", 2, dataset)
    written = st.text_input(
        "Waypoints",
        session.value("via"),
        type="search",
        key=waypoints,
        placeholder="such as 18 61",
        help=f"Numbers of test pictures that the path passes in this order, {MOST} at most.",
        width=190,
    )
session.to_address("via", "")
via = [int(number) for number in re.findall(r"\d+", written or "")]
if len(via) > MOST or any(number >= len(images) for number in via):
    st.info(f"Waypoints are at most {MOST} numbers from 0 to {len(images) - 1}.")
    via = [number for number in via if number < len(images)][:MOST]

film, chart = st.columns([3, 2], gap="medium")
with film:
    screen = st.container()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        steps = st.slider("Steps in the strip", 3, 30, 11, key="path_steps", bind="query-params")
        kind = "straight"
        if codes.shape[1] > 1 and model.gaussian_prior:
            kind = ui.choice(
                "Path",
                {"straight": "Straight", "spherical": "Spherical"},
                "path",
                "Spherical turns evenly about the origin. It makes sense where codes follow "
                "a Gaussian prior, and matters where they are wide.",
            )
        else:
            st.caption("Only a straight path here: a spherical one needs a Gaussian prior.")
    asked = ui.decoded_as(model, "path_label")

chosen = [start, *via, end]
letters = ["A", *(str(k + 1) for k in range(len(via))), "B"]
walk, ends = WALKS[kind], codes[chosen]
path, marks = walk(ends, FRAMES), paths.milestones(ends, walk).tolist()
away = neighbours.nearest(codes, path)[0][:, 0]
pixels = datasets.to_float(images[chosen]).reshape(len(chosen), -1)
faded, faded_strip = (paths.line(pixels, n).reshape(n, 28, 28) for n in (FRAMES, steps))
strip, film_frames = (
    apply.decode(model, codes_on_it, None if asked is None else np.resize(asked, len(codes_on_it)))
    for codes_on_it in (walk(ends, steps), path)
)
with screen:
    player(
        "film",
        {"Decoded along the path": film_frames, "Pixels cross-faded": faded},
        [
            f"{share:.0%} of the way. Nearest test code: {gap:.2g} away."
            for share, gap in zip(np.linspace(0, 1, FRAMES), away, strict=True)
        ],
        list(zip(letters, marks, strict=True)),
    )
with chart:
    ui.choice("A click on the map places", TARGETS, "target")
    plane = planes.default_plane(codes)
    st.plotly_chart(
        ui.drawable(
            maps.path_map(
                plane.project(codes)[:DOTS],
                dataset.test_labels[:DOTS],
                dataset.classes,
                plane.project(path),
                dict(zip(letters, plane.project(ends), strict=True)),
                plane.axis_titles,
            )
        ),
        config=theme.CONFIG,
        key="dots",
        on_select=picked,
        selection_mode="points",
    )

ui.gallery(
    [
        ui.Item(
            [(strip[k], f"decoded, step {k + 1}"), (faded_strip[k], f"cross-faded, step {k + 1}")],
            f"{k / (steps - 1):.0%}",
        )
        for k in range(steps)
    ],
    size="4.6rem",
)
st.caption("Above: decoded. Below: A and B mixed pixel by pixel, which never moves a stroke.")
with st.container(horizontal=True):
    both = tiles(np.concatenate([strip, faded_strip]), steps)
    ui.download("GIF", lambda: gif(strip), f"path-{start}-{end}.gif")
    ui.download("PNG", lambda: png(enlarge(both, 4)), f"path-{start}-{end}.png")

st.subheader("Does the path cross empty space?", anchor=False)
half, most = ui.typical_gaps(name, dataset.name)
st.plotly_chart(
    curves.distance_curve(away, half, most, dict(zip(letters, marks, strict=True))),
    config=theme.PLAIN,
)
st.markdown(
    f"At its emptiest the path is **{away.max():.2g}** from the nearest of {len(codes):,} test "
    f"codes, **{away.max() / half:.1f} times** the distance at which half of them have a neighbour."
)
ui.explain(
    "The encoder puts A and B into code space; the path joins their codes, and each place on it is "
    "decoded. A straight path has steps of equal length. A spherical one turns from A's direction "
    "to B's while its distance from the origin changes evenly. In a space of many numbers nearly "
    "all of a Gaussian lies on a shell, and the middle of a straight path lies inside it: "
    f"here codes have length {np.linalg.norm(codes, axis=1).mean():.2g} on average, and the middle "
    f"of this path {np.linalg.norm(path[FRAMES // 2]):.2g}. "
    "The curve shows how far each place is from the nearest test code: where it rises, the "
    "decoder was never asked for anything, and its picture is a guess.",
    r"z_t = (1 - t)\, z_A + t\, z_B \qquad \text{or, for ends of one length,} \qquad "
    r"z_t = \bigl(\sin((1 - t)\,\omega)\, z_A + \sin(t\,\omega)\, z_B\bigr) / \sin\omega",
)
