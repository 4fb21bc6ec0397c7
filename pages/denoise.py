import numpy as np
import streamlit as st

from aeviz import corruption, export, figures, latent, picture_ui, ui
from aeviz.models import MODELS

DOTS = 3000
START = 1
MOST = 3  # models beside the chosen one in the curve
STARTS = {"clean": "A clean picture, spoilt here", "spoilt": "My own, spoilt already"}
SIZE = "clamp(7.6rem, 8.6vw, 14rem)"

model_name, dataset, model = ui.model_name(), ui.dataset(), ui.model()
codes = ui.codes(model_name, dataset.name)
ui.heading(
    "Can it tell ink from noise?",
    "A picture is spoilt and cleaned again. Look for strokes that the model loses or makes up, "
    "and for whether a plain filter does better.",
)


def new_noise() -> None:
    """Go on to the next seed."""
    st.session_state.noise_seed = (st.session_state.noise_seed + 1) % 10_000


def denoiser() -> str | None:
    """The shipped model with the widest code among those that were trained on spoilt pictures."""
    cards = ui.shipped_cards()
    able = [k for k, card in cards.items() if hasattr(MODELS[card.variant], "corrupt")]
    return max(able, key=lambda k: cards[k].config["latent_dim"], default=None)


better = denoiser()
if not hasattr(model, "corrupt"):
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(
            "This model is not trained to clean: it drops only what its code has no room for.",
            width=740,
        )
        if better:
            st.button(
                f"Use {ui.describe(better)}", on_click=ui.use_model, args=(better,), type="primary"
            )

as_it_is = ui.choice("Start from", STARTS, "start_from") == "spoilt"
if as_it_is:
    handed_in = picture_ui.plain("Digits with noise: only their size is changed", "spoilt_files")
    pictures = np.array(handed_in or [latent.to_float(dataset.test_images[START])])
else:
    handed_in = []
    pictures = picture_ui.pick(dataset, "picture", START, many=True).pictures
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
titles = {key: kind.title for key, kind in corruption.CORRUPTIONS.items()}
name = ui.choice("Spoilt by", titles, "noise")
kind = corruption.CORRUPTIONS[name]
seed = 0
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    strength = st.slider(
        f"{kind.title}: {kind.strength}",
        kind.low,
        kind.high,
        kind.start,
        kind.step,
        key=name.replace(" ", "_"),
        bind="query-params",
        help=kind.help,
        width=420,
    )
    if kind.seeded and not handed_in:
        st.button("New noise", on_click=new_noise)
        seed = st.number_input("Seed", 0, 9999, key="noise_seed", bind="query-params", width=130)
learned = corruption.trained_on(model)
if learned:
    what, level = learned
    st.caption(
        f"This model was trained on: {titles[what]}, "
        f"{corruption.CORRUPTIONS[what].strength} {level:g}."
    )

given = pictures if handed_in else kind.apply(pictures, strength, seed)
NAMES = {
    "clean": "Clean",
    "noisy": "As it is" if as_it_is else "Spoilt",
    "cleaned": "Cleaned by the model",
    **{key: found.title for key, found in corruption.FILTERS.items()},
    "control": "The clean one, copied",
}


def versions(part: slice) -> dict[str, np.ndarray]:
    """Pictures (N, 28, 28) spoilt and cleaned in each way."""
    known = None if as_it_is else pictures[part]
    return corruption.versions(model, given[part], known, dataset.name, name, strength)


def cells(found: dict[str, np.ndarray], k: int) -> list[ui.Item]:
    """Picture k in each version, over its difference to the first, with its scores."""
    first = next(iter(found.values()))[k]
    items = []
    for key, others in found.items():
        other, lines = others[k], [NAMES[key]]
        if "clean" in found and key != "clean":
            db = corruption.psnr(first, other)
            lines.append(f"PSNR {db:.1f} dB" if np.isfinite(db) else "the same, pixel by pixel")
            lines.append(f"SSIM {corruption.ssim(first, other):.2f}")
        error = figures.signed(other - first)
        items.append(ui.Item([(other, key), (error, f"{key} error")], "\n".join(lines)))
    return items


def everything() -> bytes:
    """A PNG for each picture and a table of all scores, as a ZIP."""
    found = versions(slice(None))
    files = {f"picture-{k + 1:03d}.png": ui.strip(cells(found, k)) for k in range(len(pictures))}
    if not as_it_is:
        files["scores.csv"] = export.table(corruption.SCORES, corruption.scores(found))
    return export.archive(files)


one = versions(slice(shown, shown + 1))
items = cells(one, 0)
ui.gallery(items, size=SIZE)
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    ui.error_key()
    ui.download("this row as PNG", lambda: ui.strip(items), "aeviz-cleaned.png")
    if len(pictures) > 1:
        ui.download(f"all {len(pictures)} as ZIP", everything, "aeviz-cleaned.zip")
if as_it_is:
    st.markdown(
        "Of a picture that came spoilt no clean one is known, so there is no PSNR. Below each "
        "picture is what was changed. The filters are set for the noise that is chosen above: "
        "choose what yours looks like. The model is told nothing."
    )


@st.fragment
def curve() -> None:
    """PSNR against strength, computed when a person asks for it."""
    if not st.toggle(
        "How strong may it be? Draw the curve", key="strength_curve", bind="query-params"
    ):
        return
    beside = st.multiselect(
        "Models to compare",
        ui.model_names(),
        [better] if better else [],
        format_func=ui.describe,
        key="strength_beside",
        max_selections=MOST,
        help="The chosen model is always drawn.",
    )
    chosen = list(dict.fromkeys([model_name, *beside]))
    found = ui.cleaning_curves([*chosen, *corruption.FILTERS, ""], dataset.name, name)
    marks = {k: corruption.trained_on(ui.load_model(k)) for k in chosen}
    st.plotly_chart(
        figures.strength_curves(
            kind.curve,
            {ui.describe(k): found[k] for k in chosen},
            {"Not cleaned": found[""], **{NAMES[k]: found[k] for k in corruption.FILTERS}},
            {ui.describe(k): mark[1] for k, mark in marks.items() if mark and mark[0] == name},
            title=f"{kind.title}: {kind.strength}",
        ),
        config=figures.CONFIG,
        key="strengths",
    )
    st.caption(
        f"Over the first {corruption.MEASURED_ON:,} test pictures. A filter is set anew for each "
        "strength; a model cleans as it learned to. A filter leaves a picture that is not spoilt "
        "as it is: infinite PSNR. Look for where learning wins."
    )


curve()

dots, words = st.columns([3, 2], gap="large")
plane = ui.default_plane(model_name, dataset.name)
pins = [key for key in ("clean", "noisy", "cleaned") if key in one]
with dots:
    places = plane.project(latent.encode(model, np.concatenate([one[key] for key in pins])))
    st.plotly_chart(
        figures.pinned_map(
            plane.project(codes)[:DOTS],
            dataset.test_labels[:DOTS],
            dataset.classes,
            dict(zip(pins, places, strict=True)),
            plane.axis_titles,
        ),
        config=figures.CONFIG,
        key="places",
    )
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
        f"the clipping on average, are chosen on {corruption.TUNED_ON} validation pictures with "
        "the same noise, so they know how strong it is, which the model does not. PSNR, in dB, "
        "compares each picture with the clean one: 3 dB more is half the mean squared error. SSIM "
        "compares means, spreads and correlation in small windows; 1 is the same picture. A clean "
        "picture of your own is first made like those of MNIST: inverted when the paper is white, "
        "cropped to its ink, scaled to 20 pixels and centred in 28 by 28.",
        kind.formula + r" \text{, clipped to } [0, 1] \qquad \hat x = g(f(\tilde x)) \qquad "
        r"\mathrm{PSNR} = -10 \log_{10} \tfrac{1}{784} \sum_i (x_i - \hat x_i)^2",
    )
