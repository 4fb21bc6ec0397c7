"""A page's words: its question as its title, what to look for, and what is behind it."""

from __future__ import annotations

import html

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aeviz.app import texts


def heading(page: str, **known: object) -> None:
    """A page's question, and one or two sentences that say what to look for.

    Args:
        page: whose text it is.
        known: what stands for its words in braces.
    """
    text = texts.of(page)
    st.title(text.question, anchor=False)
    st.markdown(texts.glossed(texts.filled(text.look_for, **known)), unsafe_allow_html=True)


def exhibit(page: str) -> DeltaGenerator:
    """What a page is about: all that is left of it while it is presented; one on each page.

    It begins with a sentence for a screen reader: what there is to see.
    """
    shown = st.container(key="exhibit")
    said = html.escape(texts.of(page).part("shows"))
    shown.html(f'<p class="aeviz-unseen">What this shows: {said}</p>')
    return shown


def explain(page: str, *formulas: str, **known: object) -> None:
    """What is behind the page, for who wants to know: its explanation and a formula in LaTeX.

    Args:
        formulas: in place of the page's own.
    """
    text = texts.of(page)
    with st.expander("What am I seeing?"):
        said = text.part("explanation", **known)
        st.markdown(texts.glossed(said, known_from=text.look_for), unsafe_allow_html=True)
        for formula in formulas or [text.parts["formula"]] if "formula" in text.parts else formulas:
            st.latex(formula)
