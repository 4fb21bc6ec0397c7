import streamlit as st

from aeviz.app import sidebar, widgets
from aeviz.app.views import anatomy as view
from aeviz.models import zoo

model = sidebar.model()
widgets.heading("anatomy", model=model.title.lower(), dimensions=zoo.dimensions(model.code_dim))
st.latex(model.formula_of(model.config))
with widgets.exhibit("anatomy"):
    layers, words = st.columns([3, 2], gap="large")
    with layers:
        view.layers(model)
    with words:
        view.about(model)
view.code(model)
widgets.explain("anatomy")
