import streamlit as st

from aeviz.app import texts, widgets
from aeviz.app.views import holes as view

widgets.heading("holes")
with widgets.exhibit("holes"):
    choices, table = st.columns([3, 4], gap="medium")
    with choices, st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        left, right = view.pick()
        ground = view.choose_ground()
    with table:
        view.shares([left, right])
    st.caption(texts.of("holes").part(ground))
    view.side_by_side("holes", left, right, ground)
view.say_far([left, right])
widgets.explain("holes")
