import streamlit as st

from aeviz.analysis import anomaly
from aeviz.app import widgets
from aeviz.app.views import anomaly as view
from aeviz.app.views import one_class

widgets.heading("anomaly")
with widgets.exhibit("anomaly"):
    trial, place, flags = view.choose()
    with place:
        threshold = view.choose_threshold(trial)
    with flags:
        view.flag(trial, threshold)
view.quality(trial, threshold)
if trial.task == "digits":
    st.header("How much do anomalies in the training set harm?", anchor=False)
    one_class.harm(trial.subject, trial.kind, trial.classes)
score = anomaly.SCORES[trial.kind]
widgets.explain("anomaly", score.formula, score=score.title)
