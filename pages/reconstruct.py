import streamlit as st

from aeviz.analysis.errors import EPSILON
from aeviz.app import sidebar, widgets
from aeviz.app.views import reconstruct as view
from aeviz.models import zoo


@widgets.alone
def exhibit() -> None:
    """Test images, and what comes back of each."""
    model = sidebar.subject()
    subjects = [model, model.pca()]
    shown = view.pick(model)
    with widgets.exhibit("reconstruct"):
        images, inspector = st.columns([3, 1], gap="medium")
        with inspector:
            view.overall(subjects)
        with images:
            view.side_by_side(subjects, shown)
            view.say_which_code(model)
            widgets.beside_pca(subjects)


squeezed, code = zoo.code(sidebar.subject().model)
widgets.heading("reconstruct", squeezed=squeezed, code=code)
exhibit()
widgets.explain("reconstruct", epsilon=f"{EPSILON:f}")
