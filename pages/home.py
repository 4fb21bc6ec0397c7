import streamlit as st

from aeviz import planes, ui
from aeviz.latent_map.explorer import explore
from aeviz.models import MODELS

CARDS = (
    ("map", "Latent map", "Where does each digit live? Zoom in, select, click a dot."),
    ("interpolate", "Interpolate", "Walk from one digit to another and watch what lies between."),
    ("sample", "Sample", "Draw digits that nobody ever wrote."),
    ("reconstruct", "Reconstruct", "Compare originals with their copies, best and worst first."),
    ("denoise", "Denoise", "Put your own picture in, add noise, have it cleaned."),
    ("train", "Train", "Teach an autoencoder of your own and watch its map unfold."),
)

name, dataset = ui.model_name(), ui.dataset()
card = ui.model().card
ui.heading(
    "A machine that dreams digits",
    f"This {ui.model().title.lower()} squeezed {card.trained_on:,} handwritten digits into "
    f"{card.config['latent_dim']} numbers each. **Drag the round probe** and watch what it draws.",
)
plane = planes.default_plane(ui.codes(name, dataset.name))
explore("home", name, dataset.name, plane, wheel=False)

st.subheader("What next?", anchor=False)
for row in (CARDS[:3], CARDS[3:]):
    for column, (page, title, text) in zip(st.columns(3), row, strict=True):
        with column.container(border=True, height="stretch"):
            st.page_link(ui.PAGES[page], label=f"**{title}**")
            st.markdown(text)

st.subheader("The autoencoders", anchor=False)
variants = list(MODELS.items())
for row in (variants[k : k + 2] for k in range(0, len(variants), 2)):
    for column, (variant, model_class) in zip(st.columns(2), row, strict=False):
        with column.container(border=True, height="stretch"):
            st.page_link(
                ui.PAGES["train"],
                label=f"**{model_class.title}**, {model_class.year}",
                query_params={"variant": variant},
            )
            st.markdown(model_class.idea)
            st.caption(f"{model_class.when} {model_class.fails}")
