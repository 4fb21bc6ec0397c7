import streamlit as st

from aeviz.analysis.errors import EPSILON
from aeviz.app import sidebar, widgets
from aeviz.app.views import reconstruct as view
from aeviz.models import zoo

model = sidebar.subject()
subjects = [model, model.pca()]
widgets.heading("reconstruct", dimensions=zoo.dimensions(model.code_dim))
shown = view.pick(model)
images, inspector = st.columns([3, 1], gap="medium")
with inspector:
    view.overall(subjects)
with images:
    view.side_by_side(subjects, shown)
    view.say_which_code(model)
widgets.explain("reconstruct", epsilon=f"{EPSILON:f}")
