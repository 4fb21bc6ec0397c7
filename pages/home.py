import streamlit as st

from aeviz import planes, ui
from aeviz.latent_map.explorer import explore
from aeviz.models import MODELS, short_title

CARDS = {
    "which": ("Which autoencoder?", "Say what you need and get one, trained and ready."),
    "map": ("Latent map", "Where does each digit live? Zoom in, select, click a dot."),
    "interpolate": ("Interpolate", "Walk from one digit to another and watch what lies between."),
    "sample": ("Sample", "Draw digits that nobody ever wrote."),
    "reconstruct": ("Reconstruct", "Compare originals with their copies, best and worst first."),
    "ladder": ("Bottleneck ladder", "The same digits through 2, 4, 8 and more numbers."),
    "denoise": ("Denoise", "Put your own picture in, add noise, have it cleaned."),
    "hidden": ("Missing parts", "Hide a part of a digit and have it filled in."),
    "anomaly": ("Anomalies", "Drag a threshold and find the picture that does not belong."),
    "anatomy": ("Anatomy", "Look at the layers, the loss and the code."),
    "train": ("Train", "Teach an autoencoder of your own and watch its map unfold."),
}

name, dataset = ui.model_name(), ui.dataset()
card = ui.model().card
ui.heading(
    "A machine that dreams digits",
    f"This {ui.model().title.lower()} squeezed {card.trained_on:,} handwritten digits into "
    f"{ui.model().code_dim} numbers each. **Drag the round probe** and watch what it draws.",
)
plane = planes.default_plane(ui.codes(name, dataset.name))
asked = ui.decoded_as(ui.model(), "home_label")
label = None if asked is None else int(asked[0])
explore("home", name, dataset.name, plane, label=label, wheel=False)

st.subheader("What next?", anchor=False)
with st.grid(5, min_column_width=160, gap="small"):
    for page, (title, text) in CARDS.items():
        with st.container(border=True, height="stretch", gap="xsmall"):
            st.page_link(ui.PAGES[page], label=f"**{title}**")
            st.markdown(text)

st.subheader("The autoencoders", anchor=False)
with st.grid(3, min_column_width=250, gap="small"):
    for variant, model_class in MODELS.items():
        with st.container(border=True, height="stretch", gap="xsmall"):
            st.page_link(
                ui.PAGES["train"],
                label=f"**{short_title(variant)}**, {model_class.year}",
                query_params={"variant": variant},
            )
            st.markdown(model_class.idea)
            st.caption(f"{model_class.when} {model_class.fails}")
