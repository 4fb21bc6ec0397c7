"""Parts of the denoise page: how a picture is spoilt, what became of it, and the curve."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from aeviz.analysis import denoising, errors
from aeviz.app import own, ui
from aeviz.charts import export, figures
from aeviz.data import corruption, datasets
from aeviz.models import apply

MOST = 3
"""Models beside the chosen one in the curve."""
BESIDE = "strength_beside"
WITH = "denoise_with"
"""Which model the page uses: "best" or "sidebar"; in the address where it is not the usual one."""
NAMES = {
    "clean": "Clean",
    "noisy": "Spoilt",
    "cleaned": "Cleaned by the model",
    **{key: found.title for key, found in denoising.FILTERS.items()},
    "control": "The clean one, copied",
}
"""What the page calls each of `denoising.versions`."""


def choose_model() -> str:
    """The model that cleans: the best that ships until a person chose one; says which and why.

    What was chosen in the sidebar or by the address is used, and another one offered if it was not
    trained to clean. A run that has just finished was chosen by nobody: it is used if it cleans.
    The sidebar itself is left as it is, so other pages keep its model.
    """
    chosen, best = ui.model_name(), denoising.best_cleaner(ui.shipped_cards())
    state, asked = st.session_state, st.query_params.get(WITH)
    own_cleaner = own.chosen_now(chosen) and denoising.cleans(type(ui.load_model(chosen)))
    if WITH not in state and asked in ("best", "sidebar"):
        state[WITH], state.model_chosen = asked, False
    elif state.model_chosen or own_cleaner:
        state[WITH], state.model_chosen = "sidebar", False
    state.setdefault(WITH, "best")
    if state[WITH] != ("best" if chosen == ui.home_model() else "sidebar"):
        st.query_params[WITH] = state[WITH]
    else:
        st.query_params.pop(WITH, None)
    if best and state[WITH] == "best":
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"Cleaned by *{ui.describe(best)}*, which was trained to clean.")
            st.button(f"Use the sidebar's: {ui.describe(chosen)}", on_click=_use_sidebar)
        return best
    _offer(chosen, best)
    return chosen


def _use_sidebar() -> None:
    st.session_state[WITH] = "sidebar"


def _offer(name: str, best: str | None) -> None:
    """Where a model was not trained to clean: that it was not, and one that was."""
    if denoising.cleans(type(ui.load_model(name))):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(
            "This model is not trained to clean: it drops only what its code has no room for.",
            width=740,
        )
        if best:
            st.button(
                f"Use {ui.describe(best)}", on_click=ui.use_model, args=(best,), type="primary"
            )


# -- spoiling ---------------------------------------------------------------------------------


def choose_noise(*, draws: bool) -> tuple[str, float, int]:
    """Widgets for what spoils a picture: a key of `corruption.CORRUPTIONS`, strength and seed.

    Args:
        draws: False where nothing is spoilt here, so that there is no seed to choose.
    """
    titles = {key: kind.title for key, kind in corruption.CORRUPTIONS.items()}
    name, seed = ui.choice("Spoilt by", titles, "noise"), 0
    kind = corruption.CORRUPTIONS[name]
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
        if kind.seeded and draws:
            seed = ui.draw_again("noise_seed", "New noise", main=False)
    return name, strength, seed


# -- what became of it ------------------------------------------------------------------------


def cells(found: dict[str, np.ndarray], k: int) -> list[ui.Item]:
    """Picture k of `denoising.versions`, each over its difference to the first, with scores."""
    first = next(iter(found.values()))[k]
    items = []
    for key, others in found.items():
        other, lines = others[k], [NAMES[key]]
        if "clean" not in found and key == "noisy":
            lines = ["As it is"]
        elif "clean" in found and key != "clean":
            db = errors.compare(first[None], other[None]).psnr[0]
            lines.append(f"PSNR {db:.1f} dB" if np.isfinite(db) else "the same, pixel by pixel")
            lines.append(f"SSIM {denoising.ssim(first, other):.2f}")
        error = figures.signed(other - first)
        items.append(ui.Item([(other, key), (error, f"{key} error")], "\n".join(lines)))
    return items


def archive(found: dict[str, np.ndarray]) -> bytes:
    """A PNG for each picture of `denoising.versions` and a table of all scores, as a ZIP."""
    number = len(found["noisy"])
    files = {f"picture-{k + 1:03d}.png": ui.strip(cells(found, k)) for k in range(number)}
    if scores := denoising.scores(found):
        files["scores.csv"] = export.table(denoising.SCORES, scores)
    return export.archive(files)


# -- the curve --------------------------------------------------------------------------------


@st.cache_data(max_entries=4000, show_spinner=False)
def _cleaning_mse(who: str, data_name: str, spoilt_by: str, strength: float) -> float:
    if not who:
        clean = np.asarray
    elif who in denoising.FILTERS:
        clean = denoising.tuned(who, datasets.load(data_name), spoilt_by, strength).clean
    else:
        clean = partial(apply.reconstruct, ui.load_model(who))
    return denoising.cleaning_mse(clean, datasets.load(data_name), spoilt_by, strength)


def cleaning_curves(
    cleaners: Sequence[str], data_name: str, spoilt_by: str
) -> dict[str, np.ndarray]:
    """PSNR in dB of the mean MSE for each strength of a corruption's curve, with a progress bar.

    Args:
        cleaners: models, keys of `corruption.FILTERS`, and "" for the spoilt pictures themselves.
        spoilt_by: a key of `corruption.CORRUPTIONS`.
    """
    strengths = corruption.CORRUPTIONS[spoilt_by].curve
    squared = np.empty((len(cleaners), len(strengths)))
    bar, started = st.empty(), time.perf_counter()
    points = [(i, j) for i in range(len(cleaners)) for j in range(len(strengths))]
    for k, (i, j) in enumerate(points):
        if time.perf_counter() - started > 0.1:  # what is in the cache needs no bar
            text = f"Cleaning {denoising.MEASURED_ON:,} test pictures at each strength"
            bar.progress(k / squared.size, text)
        squared[i, j] = _cleaning_mse(cleaners[i], data_name, spoilt_by, strengths[j])
    bar.empty()
    return dict(zip(cleaners, errors.psnr(squared), strict=True))


def _choose_beside() -> list[str]:
    """A box for models to compare with the chosen one; in the URL unless it is as at first."""
    names, better = ui.model_names(), denoising.best_cleaner(ui.shipped_cards())
    start = [better] if better else []
    if BESIDE not in st.session_state:
        asked = st.query_params.get(BESIDE)
        known = start if asked is None else [name for name in asked.split(",") if name in names]
        st.session_state[BESIDE] = list(dict.fromkeys(known))[:MOST]
    chosen = st.multiselect(
        "Models to compare",
        names,
        format_func=ui.describe,
        key=BESIDE,
        max_selections=MOST,
        help="The chosen model is always drawn.",
    )
    if chosen == start:
        st.query_params.pop(BESIDE, None)
    else:
        st.query_params[BESIDE] = ",".join(chosen)
    return chosen


@st.fragment
def curve(model_name: str, data_name: str, name: str) -> None:
    """PSNR against the strength of a corruption, computed when a person asks for it."""
    if not st.toggle(
        "How strong may it be? Draw the curve", key="strength_curve", bind="query-params"
    ):
        return
    ui.still_there(model_name)
    kind = corruption.CORRUPTIONS[name]
    chosen = list(dict.fromkeys([model_name, *_choose_beside()]))
    found = cleaning_curves([*chosen, *denoising.FILTERS, ""], data_name, name)
    marks = {k: denoising.trained_on(ui.load_model(k)) for k in chosen}
    st.plotly_chart(
        figures.strength_curves(
            kind.curve,
            {ui.describe(k): found[k] for k in chosen},
            {"Not cleaned": found[""], **{NAMES[k]: found[k] for k in denoising.FILTERS}},
            {ui.describe(k): mark[1] for k, mark in marks.items() if mark and mark[0] == name},
            title=f"{kind.title}: {kind.strength}",
        ),
        config=figures.PLAIN,
        key="strengths",
    )
    st.caption(
        f"Over the first {denoising.MEASURED_ON:,} test pictures. A filter is set anew for each "
        "strength; a model cleans as it learned to. A filter leaves a picture that is not spoilt "
        "as it is: infinite PSNR. Look for where learning wins."
    )
