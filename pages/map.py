import numpy as np
import streamlit as st

from aeviz.analysis import planes
from aeviz.app import ui
from aeviz.app.components.link import has_webgl
from aeviz.app.views.map import explore
from aeviz.charts import maps, theme
from aeviz.models import apply

VIEWS = {"pca": "PCA plane", "axes": "Two axes", "umap": "UMAP", "tsne": "t-SNE"}
DOTS = 4000  # in space
SLIDERS = 16  # a code can have hundreds of numbers


def space(codes: np.ndarray) -> None:
    """Codes of three numbers in space that can be turned, and what is decoded at a place."""
    chart, inspector = st.columns([4, 1], gap="medium")
    low, middle, high = np.percentile(codes, [1, 50, 99], axis=0).tolist()
    with inspector:
        numbers = [
            st.slider(
                f"z{d + 1}", low[d], max(high[d], low[d] + 0.1), middle[d], key=f"{name}-space{d}"
            )
            for d in range(3)
        ]
        place = np.array(numbers, np.float32)
        picture = apply.decode(ui.model(), place[None], asked)[0]
        ui.gallery([ui.Item([(picture, "decoded")], "decoded at\nthe pink dot")], size="9rem")
    with chart:
        seen = maps.space_map(codes[:DOTS], dataset.test_labels[:DOTS], dataset.classes, place)
        st.plotly_chart(
            seen, config=theme.CONFIG, key="space", alt="map of test codes in three dimensions"
        )
        st.caption("Drag to turn it, scroll to come nearer. The sliders move the pink dot.")


top = st.container()
name, dataset = ui.model_name(), ui.dataset()
codes = ui.codes(name, dataset.name)
wide = codes.shape[1] > 2

with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    view = "pca"
    if wide:
        in_space = codes.shape[1] == 3 and has_webgl()  # else there is nothing to draw it with
        views = VIEWS | ({"space": "In space"} if in_space else {})
        view = ui.choice(
            "View of the code",
            views,
            "plane",
            "The code has more than two numbers, so the map shows a part of it.",
        )
    background = st.toggle(
        "Decoded background",
        True,
        key="background",
        bind="query-params",
        disabled=view == "space",
    )
    opacity = st.slider(
        "Opacity",
        0.1,
        1.0,
        0.6,
        0.1,
        key="opacity",
        bind="query-params",
        disabled=not background or view == "space",
        width=180,
    )

probe = "Move the sliders" if view == "space" else "Drag the round probe"
with top:
    ui.heading(
        "Where does each digit live?",
        f"{probe}: the decoder draws what it imagines at that place. "
        "Look for where one digit turns into another.",
    )
asked = ui.decoded_as(ui.model(), "map_label")
plane: planes.Plane | None = planes.default_plane(codes)
if view == "axes":
    dimensions = list(range(1, codes.shape[1] + 1))
    # Those that vary most come first: many numbers of a very wide code hardly move.
    ranked = codes.std(0).argsort(kind="stable")[::-1]
    if len(dimensions) <= SLIDERS:
        ranked = np.arange(len(dimensions))
    left, right = st.columns(2)
    across, up = (int(d) for d in ranked[:2])
    first = left.selectbox("Across", dimensions, across, key="across", bind="query-params")
    second = right.selectbox("Up", dimensions, up, key="up", bind="query-params")
    base = codes.mean(0)
    others = [int(d) for d in ranked if d + 1 not in (first, second)]
    with st.expander("The other numbers of the code"):
        some = f"The {SLIDERS} that vary most" if len(others) > SLIDERS else "They"
        st.caption(f"{some} start at the mean of all test codes, and stay where you set them.")
        columns = st.columns(4)
        low, high = np.percentile(codes, [1, 99], axis=0)
        for k, d in enumerate(others[:SLIDERS]):
            base[d] = columns[k % 4].slider(
                f"z{d + 1}",
                float(low[d]),
                float(max(high[d], low[d] + 0.1)),
                float(base[d]),
                key=f"{name}-z{d}",
            )
    if first == second:
        st.info("Choose two different numbers of the code.")
        st.stop()
    plane = planes.AxesPlane(first - 1, second - 1, base)
elif view in ("umap", "tsne"):
    places = ui.projected(name, dataset.name, view)
    if places is None:
        st.stop()
    plane = planes.EmbeddingPlane(codes, places, VIEWS[view])
    st.caption(
        f"{VIEWS[view]} is for looking: distances and empty areas mean little. The probe decodes a "
        "weighted mean of the nearest codes, so its picture is approximate."
    )

if view == "space":
    space(codes)
else:
    label = None if asked is None else int(asked[0])
    explore("map", name, dataset.name, plane, label=label, background=background, opacity=opacity)
ui.explain(
    "Each dot is one of the 10,000 test digits, put where the encoder puts it. The pictures behind "
    "the dots are what the decoder makes of each place, decoded on a grid of 64 by 64 codes. While "
    "the probe moves, its digit is blended from that grid; when it rests, the place itself is "
    "decoded. Click a dot to see its copy and the error; choose many with the box or the lasso.",
    ui.model().formula,
)
