import streamlit as st

from aeviz.app import sidebar, widgets
from aeviz.app.subject import TRAINING_COST
from aeviz.app.views import loss as view

subject = sidebar.subject()
widgets.heading("loss", idea=subject.model.idea, look_for=view.look_for(subject))
with widgets.exhibit("loss"):
    view.examples(subject)
    st.latex(subject.model.formula_of(subject.model.config))
    view.terms(subject)
    view.code(subject)
view.slopes(subject)
widgets.explain("loss", images=f"{TRAINING_COST:,}")
