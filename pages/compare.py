import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import compare as view
from aeviz.app.views import holes

COMPONENTS = (2, 8, 32, 128)

widgets.heading("compare")
which, wide = st.columns([3, 2], gap="medium")
with which:
    models = widgets.pick_subjects("compared")
with wide:
    subjects = [*models, view.pick_pca(models[0], COMPONENTS)]
first, second = subjects[:2]
with widgets.exhibit("compare"):
    flat = max(first.code_dim, second.code_dim) <= 2
    if widgets.toggle("Maps side by side", "compare_maps", flat, help=view.MAPS):
        holes.side_by_side("compare", first, second)
    view.side_by_side(subjects)
view.hard_classes(subjects)
moved = subjects[0].pixels().moves("shift", 2.0)
widgets.explain("compare", moved=moved.said(".2f"))
