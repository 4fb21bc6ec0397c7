from dataclasses import replace
from functools import partial

import streamlit as st

from aeviz.analysis import anomaly
from aeviz.app import ui
from aeviz.app.components.threshold import threshold_line
from aeviz.app.pictures import pick_images
from aeviz.app.views import anomaly as view
from aeviz.charts import export
from aeviz.data import datasets

TASKS = {
    "digits": "Chosen digits, not the others",
    "fashion": "All digits, not clothes",
    "own": "All digits, not my pictures",
}
EVERY = tuple(range(10))
SHOWN = 10  # in a gallery
GALLERIES = {
    "caught": ("Caught", "The anomalies that it copies worst."),
    "missed": (
        "Missed",
        "The anomalies that it copies best. It learned to copy strokes, not to know a digit: "
        "whatever is made of strokes that normal pictures have as well comes back unharmed. The "
        "more numbers its code has, the more it can copy that it never saw.",
    ),
    "alarms": ("False alarms", "The normal pictures that it copies worst: rare ways to write."),
}

ui.heading(
    "Which picture does not belong?",
    "A model that has only seen normal pictures copies other ones badly. **Drag the threshold** "
    "and watch what is caught, what is missed, and how often it cries wolf.",
)
sidebar, digits = ui.model_name(), datasets.load("mnist")
ui.dataset()  # downloads what is chosen there
left, right = st.columns([3, 5], gap="large")

with left:
    st.subheader("1 Train on normal only", anchor=False)
    task = ui.choice("What is normal, and what is not", TASKS, "odd_task", vertical=True)
    name, classes = sidebar, EVERY
    if task == "digits":
        name, classes = view.choose_digits()
    elif ui.model().card.data != digits.name:
        st.info("The chosen model knows no digits; the one of the home page takes its place.")
        name = ui.home_model()
    st.caption(view.biography(name))
    model = ui.load_model(name)

    st.subheader("2 Run new data through", anchor=False)
    at_hand = task == "digits" or (task == "fashion" and bool(datasets.find_folder("fashion")))
    if task == "fashion" and not at_hand:
        st.info(view.NO_FASHION)
    if task == "own":
        st.caption("Hand in what is no digit, such as a letter: these pictures are the anomalies.")
    picked = pick_images(digits, "anomaly")
    own = picked.labels is None

    st.subheader("3 An error for each picture", anchor=False)
    kind = ui.choice("Score", anomaly.offered(model), "odd_score", vertical=True)
    about = anomaly.SCORES[kind]
    st.caption(about.text)
    if not anomaly.has_posterior(model):
        st.caption("Negative ELBO needs a posterior: all digits, and a variational model.")
    title = f"{about.title}, {about.unit}" if about.unit else about.title

scores = view.scores(name, kind, classes, at_hand)
linear = view.scores(name, anomaly.BASELINE, classes, at_hand)
normal = anomaly.normal_pictures(digits, classes)
odd = anomaly.odd_pictures(digits, classes) if at_hand else anomaly.NONE
handed_in = anomaly.Pictures(picked.images, picked.names)
marked = anomaly.score(kind, model, picked.images, scores.reference)
if own and not at_hand:  # then these are the anomalies
    odd, scores = handed_in, replace(scores, odd=marked)
    residual = anomaly.score(anomaly.BASELINE, model, picked.images, linear.reference)
    linear = replace(linear, odd=residual)

with right:
    st.subheader("4 A threshold", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        quantile = st.slider(
            "Normal validation pictures below it, %",
            50.0,
            100.0,
            95.0,
            0.5,
            key="let_through",
            bind="query-params",
            on_change=view.forget,
            width=320,
        )
        suggested = anomaly.quantile_threshold(scores.validation, quantile / 100)
        selection = f"{name} {kind} {task} {classes}"
        threshold = view.threshold(selection, suggested)
        st.button(f"Back to {quantile:g} %", on_click=view.forget, disabled=threshold == suggested)
    threshold_line(
        "threshold_line",
        scores.normal,
        scores.odd,
        threshold,
        partial(view.drag, selection),
        title=f"{title} (logarithmic)",
        suggested=(f"{quantile:g} %", suggested),
        marks={"Your picture" if own else f"Picture {picked.names[0]}": marked},
    )
    st.caption(view.what_is_shown(scores, anomaly.saw_all(model.card, digits), quantile))
    if len(odd):
        view.curves(scores, linear, threshold)

st.subheader("5 Flag and act", anchor=False)
verdicts = [
    f"{name}: {score:.3g}, **{'flagged' if score > threshold else 'not flagged'}**"
    for name, score in zip(picked.names, marked, strict=True)
]
st.markdown(f"{'Yours' if own else 'Picked'}: {'; '.join(verdicts)}. Threshold: {threshold:.3g}.")
copies = view.copies(name, kind, picked.images)
view.gallery(handed_in, marked, copies[:SHOWN], range(len(copies))[:SHOWN])
for key, chosen in anomaly.examples(scores, threshold, SHOWN).items():
    heading, text = GALLERIES[key]
    pictures, found = (normal, scores.normal) if key == "alarms" else (odd, scores.odd)
    st.markdown(f"**{heading}.** {text}" if len(chosen) else f"**{heading}.** None.")
    copies = view.copies(name, kind, pictures.images[chosen])
    view.gallery(pictures, found, copies, chosen.tolist())


def flagged() -> anomaly.Flagged:
    """What the threshold flags, with what the person handed in."""
    groups = {"normal": (normal, scores.normal), "anomaly": (odd, scores.odd)}
    extra = {"unknown": (handed_in, marked)} if own and at_hand else {}
    return anomaly.flag(groups | extra, threshold)


with st.container(horizontal=True, gap="small"):
    ui.download("flagged list", lambda: export.flagged_table(flagged()), "flagged.csv")
    ui.download("flagged pictures", lambda: export.flagged_archive(flagged()), "flagged.zip")

if task == "digits":
    st.subheader("How much harm do anomalies in the training set do?", anchor=False)
    view.damage(kind, classes)
ui.explain(
    "An autoencoder that was trained on normal pictures has learned to copy those. What differs "
    "comes back changed, and the size of the change is a score: above a threshold the picture is "
    "flagged. Recall is the share of anomalies that is flagged, precision the share of anomalies "
    "among the flagged, the false-positive rate the share of normal pictures that is flagged. The "
    "ROC curve shows all thresholds at once; AUROC is the chance that an anomaly has a higher "
    "score than a normal picture, and average precision (AP) the mean precision over all recalls. "
    f"PCA with {anomaly.PCA_WIDTH} numbers, fitted to the same normal training pictures, is scored "
    "by the mean square of what its axes cannot say. The denoising models copy 24 pictures with a "
    "part of the pixels blacked out, and strangeness compares the mean of these copies. "
    f"{about.title}:",
    about.formula,
)
