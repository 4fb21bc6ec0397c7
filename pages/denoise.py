import numpy as np
import streamlit as st

from aeviz import evaluate, figures, latent, picture_ui, planes, ui
from aeviz.models import MODELS

DOTS = 3000

name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
codes = ui.codes(name, dataset.name)
ui.heading(
    "Can it tell ink from noise?",
    "Noise is put on a clean picture, and the model rebuilds what it takes for the digit. "
    "Look for strokes that it loses, and for strokes that it makes up.",
)


def new_noise() -> None:
    """Go on to the next seed."""
    st.session_state.noise_seed = (st.session_state.noise_seed + 1) % 10_000


def denoiser() -> str | None:
    """The shipped model with the widest code among those that were trained on spoilt pictures."""
    cards = ui.shipped_cards()
    able = [k for k, card in cards.items() if hasattr(MODELS[card.variant], "corrupt")]
    return max(able, key=lambda k: cards[k].config["latent_dim"], default=None)


if not hasattr(model, "corrupt"):
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(
            "This model is not trained to clean: it drops only what its code has no room for.",
            width=740,
        )
        if better := denoiser():
            st.button(
                f"Use {ui.describe(better)}", on_click=ui.use_model, args=(better,), type="primary"
            )

picture = picture_ui.pick(dataset).pictures[0]
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    sigma = st.slider(
        "Noise: standard deviation",
        0.0,
        1.0,
        0.5,
        0.05,
        key="sigma",
        bind="query-params",
        help="Of the Gaussian noise added to each pixel in [0, 1]; what leaves that range is "
        "clipped.",
        width=420,
    )
    st.button("New noise", on_click=new_noise)
    seed = st.number_input("Seed", 0, 9999, key="noise_seed", bind="query-params", width=130)

clean = latent.to_float(picture)
noisy = evaluate.noisy(clean, sigma, seed)
cleaned = latent.reconstruct(model, noisy[None])[0]  # what it shows is for the model to find
trio = {"clean": clean, "noisy": noisy, "cleaned": cleaned}


def decibel(other: np.ndarray) -> str:
    """How near a picture is to the clean one."""
    value = evaluate.compare(clean[None], other[None]).psnr[0]
    return f"PSNR {value:.1f} dB" if np.isfinite(value) else "the same, pixel by pixel"


ui.gallery(
    [
        ui.Item([(clean, "clean")], "Clean"),
        ui.Item([(noisy, "noisy")], f"Noisy\n{decibel(noisy)}"),
        ui.Item([(cleaned, "cleaned")], f"Cleaned\n{decibel(cleaned)}"),
        ui.Item([(figures.signed(cleaned - clean), "error")], "Cleaned minus clean"),
    ],
    size="clamp(9.6rem, 15vw, 15rem)",
)
ui.error_key()

dots, words = st.columns([3, 2], gap="large")
plane = planes.default_plane(codes)
with dots:
    places = plane.project(latent.encode(model, np.stack(list(trio.values()))))
    st.plotly_chart(
        figures.pinned_map(
            plane.project(codes)[:DOTS],
            dataset.test_labels[:DOTS],
            dataset.classes,
            dict(zip(trio, places, strict=True)),
            plane.axis_titles,
        ),
        config=figures.CONFIG,
        key="places",
    )
with words:
    st.markdown(
        "Each black dot is the code of one of the three pictures. Cleaned is the decoded noisy "
        "code, put through the encoder once more. Noise moves the code: look for how far noisy "
        "lies from clean, and for whether it still lies among dots of the same colour."
    )
    ui.explain(
        "Gaussian noise is added to each pixel and the sum is clipped to [0, 1]. The model encodes "
        "the noisy picture and decodes the code. An autoencoder that was trained on noisy pictures "
        "with clean ones as target has learned to do this; any other one only drops what does not "
        "fit into its code. PSNR, in dB, compares each picture with the clean one: 3 dB more is "
        "half the mean squared error. An uploaded picture is turned into grey, inverted when the "
        "paper is white, cropped to its ink, scaled to 20 pixels and centred in 28 by 28, as "
        "the pictures of MNIST were.",
        r"\tilde x = \min(\max(x + \sigma \epsilon, 0), 1), \; \epsilon \sim \mathcal{N}(0, I) "
        r"\qquad \hat x = g(f(\tilde x)) \qquad "
        r"\mathrm{PSNR} = -10 \log_{10} \tfrac{1}{784} \sum_i (x_i - \hat x_i)^2",
    )
