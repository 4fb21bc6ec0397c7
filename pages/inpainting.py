import streamlit as st

from aeviz.app import pictures, sidebar, texts, widgets
from aeviz.app.views import inpainting as view

widgets.heading("inpainting")
subject = sidebar.subject()
picked = pictures.pick_images(subject.data, "hidden_picture", view.START)
way, visible = view.choose_way()
with widgets.exhibit("inpainting"):
    given, results = st.columns([2, 5], gap="large")
    with given:
        view.show_given(way, picked.images[0], visible)
    with results:
        view.side_by_side(view.compared(subject), picked, visible)

st.header("What does it expect after each row?", anchor=False)
st.markdown(texts.of("inpainting").part("rows", model=subject.title))
view.row_by_row(subject, picked.images[0])
widgets.explain("inpainting")
