import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import beta as view

widgets.heading("beta")
with widgets.exhibit("beta"):
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = view.choose()
        aligned = view.align(kind)
    view.slider(kind, aligned=aligned)
card = view.card(kind)
images, epochs = f"{card.trained_on:,}", view.epochs(card)
widgets.explain("beta", images=images, epochs=epochs, command=card.command)
