"""Parts of the loss page: what a loss did to numbers, units, words, and to the encoder's slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from aeviz.analysis import mechanism
from aeviz.app import session, ui
from aeviz.charts import figures
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import Autoencoder
from aeviz.models.zoo import MODELS, numbers
from aeviz.training import runs

COLUMNS = len(mechanism.REACH)
"""Pictures in a row."""
ATOMS, MOST_WORDS = 24, 64
"""Pictures in a gallery."""
ORDERS = {"size": "Largest first", "code": "As in the code"}
SCALES = {"plain": "As it is", "spread": "By the spread of the codes"}
TELLING = ("stability", "compression")
"""What those models serve best that say most beside another one's slopes."""


def chart(figure: Any, key: str, alt: str) -> None:
    """A figure without a tool bar."""
    st.plotly_chart(figure, config=figures.PLAIN, key=key, alt=alt)


def curves(
    name: str, card: checkpoint.Card
) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, ...]]]:
    """Steps (K,) and each term over them (K,), of a run or as a file keeps it; empty without."""
    try:
        points = runs.metrics(name) if runs.is_run(name) else []
    except runs.RunError:  # its model has the curve as well
        points = []
    if points:
        terms, steps = runs.curves(points), [point.step for point in points]
    elif card.curve is not None:
        terms, steps = runs.kept_curves(card.curve), card.curve.steps
    else:
        terms, steps = {}, []
    return np.array(steps), terms


# -- one number of the code -------------------------------------------------------------------


def pick_number(name: str, width: int, start: int) -> int:
    """A widget that chooses one number of a model's code; counted from 0, where it begins at 1.

    Args:
        start: chosen at first, and again for another model.
    """
    if st.session_state.get("number_of", name) != name:
        session.put("number", start + 1)
    st.session_state.number_of = name
    return -1 + ui.number("Number of the code", 1, width, "number", start + 1, width=190)


def show_unit(
    model: Autoencoder, codes: np.ndarray, dataset: datasets.Dataset, number: int
) -> None:
    """Which pictures excite one unit of the code most, and what it adds to their copies."""
    what, top = f"z{number + 1}", (-codes[:, number]).argsort(kind="stable")[:COLUMNS]
    titles = [f"{dataset.classes[dataset.test_labels[k]]}\n{codes[k, number]:.2f}" for k in top]
    added = mechanism.adds(model, codes[top], number)
    ui.rows(
        [
            ui.Row(f"Test pictures that excite {what} most", dataset.test_images[top], titles),
            ui.Row(f"What {what} adds to their copies", figures.signed(to_scale(added))),
        ],
        least="3rem",
    )
    st.caption(
        "Class and activity. Below: the copy minus the copy with this unit silenced, each on its "
        "own scale."
    )


def to_scale(pictures: np.ndarray) -> np.ndarray:
    """Signed pictures (N, H, W), each divided by its largest value."""
    return pictures / np.abs(pictures).max((1, 2), keepdims=True).clip(1e-6)


def show_number(
    model: Autoencoder, codes: np.ndarray, dataset: datasets.Dataset, number: int
) -> None:
    """What one number of the code does to the picture, and which pictures have most of it."""
    asked = ui.decoded_as(model, "loss_label")
    moved = mechanism.sweep(codes, number, by_prior=model.gaussian_prior)
    made = apply.decode(model, moved, None if asked is None else asked.repeat(COLUMNS))
    top = (-codes[:, number]).argsort(kind="stable")[:COLUMNS]
    titles = [f"{dataset.classes[dataset.test_labels[k]]}\n{codes[k, number]:.2f}" for k in top]
    what, steps = f"z{number + 1}", [f"{step:+.1f}" for step in mechanism.REACH]
    ui.rows(
        [
            ui.Row(f"{what} from -3 to 3, all others at their mean", made, steps),
            ui.Row(f"Test pictures with the largest {what}", dataset.test_images[top], titles),
        ],
        least="3rem",
    )
    of = "the prior" if model.gaussian_prior else f"{what} in the test codes"
    st.caption(f"Above: in standard deviations of {of}. Below: class and value.")


# -- what became of the code ------------------------------------------------------------------


def show_kl(name: str, kl: np.ndarray) -> int:
    """KL of each number of a code (D,), in nats; returns the number that was chosen."""
    st.subheader("Which numbers say something?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        order = ui.choice("Order", ORDERS, "kl_order")
        number = pick_number(name, len(kl), int(kl.argmax()))
    ranks = (-kl).argsort(kind="stable") if order == "size" else np.arange(len(kl))
    figure = figures.named_bars(
        kl[ranks],
        [f"z{k + 1}" for k in ranks],
        across="number of the code",
        up="KL, nats",
        marked=ranks.tolist().index(number),
    )
    chart(figure, "kl", "KL of each number of the code")
    unused = mechanism.collapsed(kl)
    least = f"{mechanism.COLLAPSED} nats"
    st.markdown(
        f"**{len(kl) - len(unused)} of {numbers(len(kl))}** say something about a picture, "
        f"together **{kl.sum():.1f} nats**. "
        + (
            f"**{len(unused)} collapsed**, to less than {least}: {mechanism.listed(unused)}."
            if len(unused)
            else f"None collapsed to less than {least}."
        )
    )
    return number


def show_units(name: str, model: Autoencoder, codes: np.ndarray) -> int:
    """How often units fire, and what they draw; returns the number that was chosen."""
    st.subheader("How often does a unit fire?", anchor=False)
    shares = mechanism.firing(model, codes)
    dead = int(np.sum(shares == 0))
    chart(figures.firing(shares), "firing", "how many units fire on how many pictures")
    st.markdown(
        f"On a picture **{shares.sum():.1f} of {len(shares):,} units** fire, on average. "
        + (
            f"**{dead:,} {'is' if dead == 1 else 'are'} dead**: silent on all {len(codes):,} test "
            "pictures."
            if dead
            else f"None is dead: each fires on some of {len(codes):,} test pictures."
        )
    )
    st.subheader("What does a unit draw?", anchor=False)
    used = (-shares).argsort(kind="stable")[:ATOMS]
    atoms = mechanism.atoms(model, codes, used)
    ui.gallery(
        [
            ui.Item([(figures.signed(atom), f"atom of z{k + 1}")], f"z{k + 1}\n{shares[k]:.1%}")
            for k, atom in zip(used, to_scale(atoms), strict=True)
        ],
        size="4.4rem",
    )
    st.caption(
        f"The {len(used)} units that fire most often, and how often. Each alone adds to the "
        "picture of an empty code what is red, and takes away what is blue, each on its own scale."
    )
    return pick_number(name, len(shares), int(used[0]))


def show_words(shares: np.ndarray, windows: np.ndarray) -> None:
    """How often each word of a codebook is used (K,), and what stands there (K, H, W)."""
    st.subheader("Which words does it use?", anchor=False)
    ranks = (-shares).argsort(kind="stable")
    figure = figures.named_bars(
        100 * shares[ranks],
        [f"word {k + 1}" for k in ranks],
        across="word of the codebook, the most used first",
        up="share of all places, %",
        level=(100 / len(shares), "if all were used alike"),
    )
    chart(figure, "usage", "how often each word is used")
    dead = int(np.sum(shares == 0))
    st.markdown(
        f"Perplexity **{mechanism.perplexity(shares):.1f}**: all test pictures together are as "
        f"varied as if so many of the {len(shares)} words were used, all alike. "
        + (
            f"**{dead} {'is' if dead == 1 else 'are'} dead**: used nowhere in them."
            if dead
            else "None is dead: each is used somewhere."
        )
    )
    st.subheader("What does a word stand for?", anchor=False)
    ui.gallery(
        [
            ui.Item([(windows[k], f"word {k + 1}")], f"word {k + 1}\n{shares[k]:.1%}")
            for k in ranks[:MOST_WORDS]
        ],
        size="4.4rem",
    )
    side = windows.shape[1]
    st.caption(
        f"Each word as the mean of the {side} by {side} pixels of test pictures around the places "
        "where it stands, and its share of all places. Look for strokes by their direction, for "
        "empty paper, and for the paper beside a stroke."
    )


# -- how steep the encoder is -----------------------------------------------------------------


def short(value: float) -> str:
    """Three digits, and no powers of ten where there is no need."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def beside(name: str, width: int) -> list[str]:
    """Shipped models with as many numbers in the code, the most telling first."""

    def place(other: str) -> int:
        best = MODELS[cards[other].variant].needs[0]
        return TELLING.index(best) if best in TELLING else len(TELLING)

    cards = ui.shipped_cards()
    widths = {k: c.code_dim for k, c in cards.items()}
    return sorted((k for k in cards if k != name and widths[k] == width), key=place)


def show_slopes(
    name: str, values: np.ndarray, width: int, data_name: str, *, penalised: bool
) -> None:
    """Singular values (N, R) of the encoder's Jacobian, beside those of another model.

    Args:
        penalised: the loss has their squares in it.
    """
    st.subheader("How far does the code move when pixels do?", anchor=False)
    curve, words = st.columns([3, 2], gap="large")
    shown = {name: values}
    with words:
        scale = ui.choice("Distance in the code", SCALES, "slopes")
        if others := beside(name, width):
            titles = {k: ui.describe(k) for k in others}
            other = ui.choice("Beside it", titles, "slopes_beside", vertical=True)
            theirs = ui.spectrum(other, data_name)
            if theirs is not None:
                shown[other] = theirs
        if scale == "spread":
            shown = {k: v / mechanism.spread(ui.codes(k, data_name)) for k, v in shown.items()}
        norms = {k: float(np.median(np.square(v).sum(1))) for k, v in shown.items()}
        said = " and ".join(f"**{short(v)}** for {ui.describe(k)}" for k, v in norms.items())
        st.markdown(
            f"The sum of their squares, $|J|_F^2$, has the median {said}. "
            + (
                "It is a term of this model's loss: only directions that tell digits apart "
                "are worth its price."
                if penalised
                else "It is no term of this model's loss."
            )
        )
    with curve:
        figure = figures.spectra({ui.describe(k): v for k, v in shown.items()})
        chart(figure, "spectrum", "singular values of the encoder's Jacobian")
        st.caption(
            f"At {len(values)} test pictures: the median as a line, 10 to 90 % of them as a band."
        )
