import streamlit as st

from aeviz.analysis import planes
from aeviz.app import ui
from aeviz.app.views.map import explore
from aeviz.models.zoo import MODELS, short_title

WAYS = {  # as in the sidebar
    "Explore: what is inside?": {
        "chooser": ("Which autoencoder?", "Say what you need and get one, trained."),
        "anatomy": ("Anatomy", "Look at the layers, the loss and the code."),
        "map": ("Latent map", "See where each digit lives, and click a dot."),
        "interpolate": ("Interpolate", "Walk from one digit to another."),
        "sample": ("Sample", "Draw digits that nobody ever wrote."),
    },
    "Measure: how good is it?": {
        "reconstruct": ("Reconstruct", "Compare originals with their copies."),
        "ladder": ("Bottleneck ladder", "Digits through 2, 4, 8 and more numbers."),
        "denoise": ("Denoise", "Put your own picture in and have it cleaned."),
        "inpainting": ("Missing parts", "Hide a part of a digit and have it filled in."),
        "anomaly": ("Anomalies", "Find the picture that does not belong."),
    },
    "Compare: which is better?": {
        "compare": ("Compare", "The same pictures through several models."),
        "stability": ("Stability", "Turn a digit. How far does its code move?"),
        "uses": ("Uses of a code", "Sort, search and store pictures by their codes."),
        "few_labels": ("Few labels", "Learn to tell digits apart from a few examples."),
        "loss": ("Loss", "See what the loss does to the code."),
    },
    "Make: one of your own": {
        "train": ("Train", "Teach an autoencoder and watch its map unfold."),
    },
}


def section(heading: str) -> None:
    """The pages of one section of the sidebar, each with what one does there."""
    with st.container(border=True, height="stretch", gap="small"):
        st.markdown(f"##### {heading}")
        for page, (title, text) in WAYS[heading].items():
            with st.container(gap=None):
                st.page_link(ui.PAGES[page], label=f"**{title}**")
                st.caption(text)


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
*three, last = WAYS
with st.grid(3, min_column_width=260, gap="small"):
    for heading in three:
        section(heading)
section(last)

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
