import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import chooser as view
from aeviz.models.zoo import MODELS

widgets.heading("chooser")
with widgets.exhibit("chooser"), st.container(horizontal=True, gap="large"):
    with st.container(width="content"):  # in large type as well
        need = view.pick_need()
    with st.container(width="stretch"):
        variant = view.pick_variant(need)
        view.answer(need, variant)
chosen = MODELS[variant]
widgets.explain("chooser", chosen.formula_of(chosen.Config()), source=chosen.source)
