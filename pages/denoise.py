import numpy as np
import streamlit as st

from aeviz.analysis import denoising
from aeviz.app import intake, ui
from aeviz.app.views import denoise as view
from aeviz.charts import figures
from aeviz.data import corruption, datasets
from aeviz.models import apply

START = 1
STARTS = {"clean": "A clean picture, spoilt here", "spoilt": "My own, spoilt already"}
# All seven in one row on a laptop; on a phone three, as wide as the screen.
SIZE = "min(14rem, max(8.6vw, min(7.7rem, 33.3vw - 1.3rem)))"

dataset = ui.dataset()
ui.heading(
    "Can it tell ink from noise?",
    "A picture is spoilt and cleaned again. Look for strokes that the model loses or makes up, "
    "and for whether a plain filter does better.",
)
model_name = view.choose_model()
model = ui.load_model(model_name)
codes = ui.codes(model_name, dataset.name)

as_it_is = ui.choice("Start from", STARTS, "start_from") == "spoilt"
if as_it_is:
    handed_in = intake.plain("Digits with noise: only their size is changed", "spoilt_files")
    pictures = np.array(handed_in or [datasets.to_float(dataset.test_images[START])])
else:
    handed_in = []
    pictures = intake.pick(dataset, "picture", START, many=True).pictures
shown = 0
if len(pictures) > 1:
    shown = st.selectbox(
        "Shown here",
        range(len(pictures)),
        format_func=lambda k: f"Picture {k + 1} of {len(pictures)}",
        key="denoise_shown",
        help="All of them are cleaned for the download.",
        width=220,
    )
name, strength, seed = view.choose_noise(draws=not handed_in)
if learned := denoising.trained_on(model):
    what, level = corruption.CORRUPTIONS[learned[0]], learned[1]
    st.caption(f"This model was trained on: {what.title}, {what.strength} {level:g}.")

given = pictures if handed_in else corruption.CORRUPTIONS[name].apply(pictures, strength, seed)


def versions(part: slice) -> dict[str, np.ndarray]:
    """Pictures (N, 28, 28) spoilt and cleaned in each way."""
    known = None if as_it_is else pictures[part]
    return denoising.versions(model, given[part], known, dataset, name, strength)


one = versions(slice(shown, shown + 1))
items = view.cells(one, 0)
ui.gallery(items, size=SIZE, narrow=True)
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    ui.error_key()
    ui.download("this row as PNG", lambda: ui.strip(items), "aeviz-cleaned.png")
    if len(pictures) > 1:
        ui.download(
            f"all {len(pictures)} as ZIP",
            lambda: view.archive(versions(slice(None))),
            "aeviz-cleaned.zip",
        )
if as_it_is:
    st.markdown(
        "Of a picture that came spoilt no clean one is known, so there is no PSNR. Below each "
        "picture is what was changed. The filters are set for the noise that is chosen above: "
        "choose what yours looks like. The model is told nothing."
    )
view.curve(model_name, dataset.name, name)

dots, words = st.columns([3, 2], gap="large")
plane = ui.default_plane(model_name, dataset.name)
pins = [key for key in ("clean", "noisy", "cleaned") if key in one]
with dots:
    places = plane.project(apply.encode(model, np.concatenate([one[key] for key in pins])))
    st.plotly_chart(
        figures.pinned_map(
            plane.project(codes[: figures.PINNED_DOTS]),
            dataset.test_labels[: figures.PINNED_DOTS],
            dataset.classes,
            dict(zip(pins, places, strict=True)),
            plane.axis_titles,
        ),
        config=figures.PLAIN,
        key="places",
    )
    ui.class_key(dataset.classes)
with words:
    st.markdown(
        "Each black dot is the code of one of the pictures. Cleaned is the decoded noisy code, put "
        "through the encoder once more. Noise moves the code: look for how far noisy lies from "
        "clean, and for whether it still lies among dots of the same colour."
    )
    ui.explain(
        "The model encodes the spoilt picture and decodes the code. An autoencoder that was "
        "trained on spoilt pictures with clean ones as target has learned to do this; any other "
        "one only drops what does not fit into its code. The last column is a control: the clean "
        "picture through the model shows what it destroys without any noise. The "
        "median filter takes the middle of the pixels around each one, non-local means "
        "averages pixels with similar surroundings, and the Wiener filter smooths, or undoes a "
        "blur that it is told. Their one setting, and a stretch of the grey levels that undoes "
        f"the clipping on average, are chosen on {denoising.TUNED_ON} validation pictures with "
        "the same noise, so they know how strong it is, which the model does not. PSNR, in dB, "
        "compares each picture with the clean one: 3 dB more is half the mean squared error. SSIM "
        "compares means, spreads and correlation in small windows; 1 is the same picture. A clean "
        "picture of your own is first made like those of MNIST: inverted when the paper is white, "
        "cropped to its ink, scaled to 20 pixels and centred in 28 by 28.",
        corruption.CORRUPTIONS[name].formula
        + r" \text{, clipped to } [0, 1] \qquad \hat x = g(f(\tilde x)) \qquad "
        r"\mathrm{PSNR} = -10 \log_{10} \tfrac{1}{784} \sum_i (x_i - \hat x_i)^2",
    )
