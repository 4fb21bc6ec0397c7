import numpy as np
import streamlit as st

from aeviz import planes, ui
from aeviz.latent_map.explorer import explore

VIEWS = {"pca": "PCA plane", "axes": "Two axes", "umap": "UMAP", "tsne": "t-SNE"}

ui.heading(
    "Where does each digit live?",
    "Drag the round probe: the decoder draws what it imagines at that place. "
    "Look for where one digit turns into another.",
)
name, dataset = ui.model_name(), ui.dataset()
codes = ui.codes(name, dataset.name)
wide = codes.shape[1] > 2

with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    view = "pca"
    if wide:
        view = ui.choice(
            "View of the code",
            VIEWS,
            "plane",
            "The code has more than two numbers, so the map shows a part of it.",
        )
    background = st.toggle("Decoded background", True, key="background", bind="query-params")
    opacity = st.slider(
        "Opacity",
        0.1,
        1.0,
        0.6,
        0.1,
        key="opacity",
        bind="query-params",
        disabled=not background,
        width=180,
    )

plane: planes.Plane | None = planes.default_plane(codes)
if view == "axes":
    dimensions = list(range(1, codes.shape[1] + 1))
    left, right = st.columns(2)
    first = left.selectbox("Across", dimensions, 0, key="across", bind="query-params")
    second = right.selectbox("Up", dimensions, 1, key="up", bind="query-params")
    base = codes.mean(0)
    with st.expander("The other numbers of the code"):
        st.caption("They start at the mean of all test codes, and stay where you set them.")
        columns = st.columns(4)
        low, high = np.percentile(codes, [1, 99], axis=0)
        others = [d for d in range(codes.shape[1]) if d + 1 not in (first, second)]
        for k, d in enumerate(others):
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

explore("map", name, dataset.name, plane, background=background, opacity=opacity)
ui.explain(
    "Each dot is one of the 10,000 test digits, put where the encoder puts it. The pictures behind "
    "the dots are what the decoder makes of each place, decoded on a grid of 64 by 64 codes. While "
    "the probe moves, its digit is blended from that grid; when it rests, the place itself is "
    "decoded. Click a dot to see its copy and the error; choose many with the box or the lasso.",
    ui.model().formula,
)
