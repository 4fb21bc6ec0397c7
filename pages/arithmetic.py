import streamlit as st

from aeviz.app import sidebar, texts, widgets
from aeviz.app.views import arithmetic as view

subject = sidebar.subject()
widgets.heading("arithmetic")
told = view.told_model(subject)
if subject.uses_labels:
    st.info(texts.of("arithmetic").part("told"))
    with widgets.exhibit("arithmetic"):
        view.style(subject)
else:
    found = view.pick_sum(subject)
    with widgets.exhibit("arithmetic"):
        images, chart = st.columns([3, 2], gap="large")
        with images:
            view.equation(found)
            view.nearest(found)
        with chart:
            view.on_map(found)
    view.how_good(subject)
    if told:
        view.style(told)
widgets.explain("arithmetic")
