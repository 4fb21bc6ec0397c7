import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import uses as view

widgets.heading("uses")
chosen = widgets.pick_subjects("codes")
measured = view.measure(chosen)
with widgets.exhibit("uses"):
    view.table(measured)
st.header("What does a reconstruction cost?", anchor=False)
view.rate_distortion(measured)
widgets.explain("uses", **view.facts(measured))
