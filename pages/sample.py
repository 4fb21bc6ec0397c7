import streamlit as st

from aeviz.app import sidebar, widgets
from aeviz.app.views import sample as view


@widgets.alone
def exhibit() -> None:
    """Codes that are drawn, and what is decoded of them."""
    subject = sidebar.subject()
    with widgets.exhibit("sample"):
        images, inspector = st.columns([3, 2], gap="large")
        with inspector:
            drawn = view.draw(subject)
            view.on_map(subject, drawn)
        with images:
            if drawn.even:
                view.sheet(drawn)
            else:
                view.gallery(subject, drawn)
        with inspector:
            view.likeness(subject, drawn)


widgets.heading("sample")
view.say_prior(sidebar.subject())
exhibit()
widgets.explain("sample")
