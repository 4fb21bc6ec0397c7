import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import compare as view

COMPONENTS = (2, 8, 32, 128)

widgets.heading("compare")
which, wide = st.columns([3, 2], gap="medium")
with which:
    models = widgets.pick_subjects("compared")
with wide:
    subjects = [*models, view.pick_pca(models[0], COMPONENTS)]
with widgets.exhibit("compare"):
    view.side_by_side(subjects)
view.hard_classes(subjects)
moved = subjects[0].pixels().moves("shift", 2.0)
widgets.explain("compare", moved=moved.said(".2f"))
