import streamlit as st

from aeviz.analysis import denoising
from aeviz.app import texts, widgets
from aeviz.app.views import denoise as view

widgets.heading("denoise")
subject = view.choose_model()
with widgets.exhibit("denoise"):
    given, place = view.choose_images(subject)
    one = given.one(subject)
    with place:
        view.row(subject, given, one)
        view.untrained(subject, one)
view.curve(subject, given)
dots, words = st.columns([3, 2], gap="large")
with dots:
    view.codes(subject, one)
with words:
    st.markdown(texts.of("denoise").part("codes"))
widgets.explain(
    "denoise", *view.formulas(given), tuned_on=denoising.TUNED_ON, fitted=f"{denoising.FITTED_ON:,}"
)
