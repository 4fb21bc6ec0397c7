import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import holes as view

widgets.heading("holes")
with st.container(horizontal=True, gap="medium"):
    left, right = view.pick()
with widgets.exhibit("holes"):
    view.side_by_side("holes", left, right)
    view.shares([left, right])
widgets.explain("holes")
