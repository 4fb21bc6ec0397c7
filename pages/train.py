import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import run as view
from aeviz.app.views import train

widgets.heading("train")
with widgets.exhibit("train"):
    shown = view.asked()
    if shown:
        view.watched(shown)
    else:
        train.set_up()
left, right = st.columns(2, gap="large")
with left:
    st.header("Your runs", anchor=False)
    train.own_runs(shown)
with right:
    st.header("Load a model", anchor=False)
    train.upload()
