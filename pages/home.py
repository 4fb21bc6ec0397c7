import streamlit as st

from aeviz.app import sidebar, widgets
from aeviz.app.views import home
from aeviz.app.views.explore import explore, prepare
from aeviz.models import zoo

subject = sidebar.subject()
_, code = zoo.code(subject.model)
widgets.heading("home", code=code)
asked = widgets.decoded_as(subject, "home_label")
label = None if asked is None else int(asked[0])
with widgets.exhibit("home"):
    explore("home", subject, subject.plane(), label=label, dots=False, wheel=False, pad=True)
home.steps()

st.header("What next?", anchor=False)
home.sections()
st.header("The autoencoders", anchor=False)
home.variants()
prepare(subject)
