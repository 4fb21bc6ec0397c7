import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import chooser as view
from aeviz.models.zoo import MODELS

widgets.heading("chooser")
asked, answered = st.columns([2, 5], gap="large")
with asked:
    need = view.pick_need()
with answered:
    variant = view.pick_variant(need)
    view.answer(need, variant)
chosen = MODELS[variant]
widgets.explain("chooser", chosen.formula, source=chosen.source)
