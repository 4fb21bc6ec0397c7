import streamlit as st

from aeviz.app import widgets
from aeviz.app.views import run, shown, train

widgets.heading("train")
with widgets.exhibit("train"):
    name = shown.asked()
    if name:
        run.watched(name)
    else:
        train.set_up()
left, right = st.columns(2, gap="large")
with left:
    st.header("Your runs", anchor=False)
    train.own_runs(name)
with right:
    st.header("Load a model", anchor=False)
    train.upload()
