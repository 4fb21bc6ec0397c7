"""Parts of the page of a model's build: its layers, what it is good for, its code."""

from __future__ import annotations

import inspect
from pathlib import Path

import streamlit as st

from aeviz.app import pages
from aeviz.charts import diagram
from aeviz.models.base import NEEDS, Autoencoder
from aeviz.models.settings import BaseConfig
from aeviz.models.zoo import MODELS


@st.cache_data(max_entries=48, show_spinner="Running it once")
def _halves(variant: str, config: BaseConfig) -> tuple[diagram.Half, diagram.Half]:
    """Encoder and decoder, layer by layer; they do not depend on the weights."""
    return diagram.halves(MODELS[variant], config)


def layers(model: Autoencoder) -> None:
    """The layers of both halves, and the shapes between them."""
    halves = _halves(model.variant, model.config)
    columns = st.columns(2, gap="medium")
    for column, what, half in zip(columns, ("Encoder", "Decoder"), halves, strict=True):
        with column:
            st.markdown(f"**{what}**, {half.weights:,} weights in layers")
            st.graphviz_chart(diagram.dot(half), alt=f"layers of the {what.lower()}")
    st.caption(
        "Boxes are layers. Each arrow carries the shape that one image has there. aeviz draws this "
        "from one image that went through the network."
    )


def about(model: Autoencoder) -> None:
    """What a model is, when to take it, how it fails, and how this one was trained."""
    st.header(f"{model.title}, {model.year}", anchor=False)
    st.markdown(model.idea)
    st.caption(model.source)
    st.markdown(f"**When.** {model.when}\n\n**How it fails.** {model.fails}")
    if model.needs:
        needs = "; ".join(NEEDS[need][:1].lower() + NEEDS[need][1:] for need in model.needs)
        st.markdown(f"**Good for:** {needs}.")
    with st.expander("Its settings"):
        st.json(model.config.to_dict())
        card = model.card
        where = "" if card.device == "cpu" else " on a GPU"
        st.caption(f"Trained{where} by `{card.command or 'this app'}`, seed {card.seed}.")
    pages.link("train", "Train one with other settings", variant=model.variant)


def code(model: Autoencoder) -> None:
    """The source of a model's variant."""
    path = Path(inspect.getfile(type(model)))
    with st.expander("Show the code"):
        st.caption(f"{path.relative_to(pages.ROOT).as_posix()}, as it runs here.")
        st.code(path.read_text(encoding="utf-8"), language="python", line_numbers=True)
