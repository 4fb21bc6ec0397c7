import numpy as np
import streamlit as st

from aeviz.analysis import pca
from aeviz.app import ui
from aeviz.charts import figures
from aeviz.data import datasets
from aeviz.models import apply, checkpoint
from aeviz.models.base import Autoencoder

COLUMNS = 10


def errors_of(name: str, model: Autoencoder) -> tuple[float, float]:
    """MSE of a model and of PCA on the test pictures: from its card, where they are in it."""
    card = cards[name]
    if card.data == dataset.name and {"mse", "pca_mse_clipped"} <= set(card.figures):
        return card.figures["mse"], card.figures["pca_mse_clipped"]
    ours = ui.model_errors(name, dataset.name).overall["mse"]
    return ours, ui.pca_errors(dataset.name, model.code_dim).overall["mse"]


dataset, cards = ui.dataset(), ui.shipped_cards()
rungs = checkpoint.ladder(cards)  # code width -> shipped model
models = {width: ui.load_model(name) for width, name in rungs.items()}
title = next(iter(models.values())).title.lower()
ui.heading(
    "How narrow can a code be?",
    f"The same pictures through a {title} with {', '.join(str(width) for width in rungs)} numbers, "
    "and through PCA with as many. Look for the width at which a digit becomes itself.",
)

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    width = st.select_slider(
        "Numbers in the code",
        list(rungs),
        list(rungs)[len(rungs) // 2],
        key="rung",
        bind="query-params",
        width=320,
    )
    seed = ui.draw_again("ladder_seed", "Other pictures", main=False)
# One of each class, in their order.
draw = np.random.default_rng(seed)
shown = [draw.choice(np.flatnonzero(dataset.test_labels == k)) for k in range(COLUMNS)]
originals, labels = datasets.to_float(dataset.test_images[shown]), dataset.test_labels[shown]
copies = {w: apply.reconstruct(model, originals, labels) for w, model in models.items()}
found = [errors_of(name, models[w]) for w, name in rungs.items()]
errors = {title: [ours for ours, _ in found], "PCA": [theirs for _, theirs in found]}
linear = pca.pca(dataset, models[width].code_dim).reconstruct(originals)
pictures, chart = st.columns([5, 3], gap="medium")
with pictures:
    ui.rows(
        [
            ui.Row("Original", originals, [dataset.classes[label] for label in labels]),
            ui.Row(f"Copy by the {title} with {width} numbers", copies[width]),
            ui.Row(f"Copy by PCA with {width} numbers", linear),
        ],
        least="3rem",
    )
    at = list(rungs).index(width)
    ours, theirs = errors[title][at], errors["PCA"][at]
    st.markdown(
        f"With {width} numbers the mean squared error over {len(dataset.test_images):,} test "
        f"pictures is **{ours:.4f}**; PCA's is {theirs:.4f}, **{theirs / ours:.1f} times** as much."
    )
    st.button(
        f"Use the model with {width} numbers on all pages",
        on_click=ui.use_model,
        args=(rungs[width],),
    )
with chart:
    st.plotly_chart(
        figures.ladder_curve(list(rungs), errors, width),
        config=figures.PLAIN,
        key="curve",
        alt="test error against the width of the code",
    )
    st.caption(
        "Both axes are logarithmic: half the error is one and the same step down everywhere."
    )

st.subheader("The whole ladder", anchor=False)
ui.rows(
    [
        ui.Row(f"{w} numbers, MSE {error:.4f}", copies[w])
        for w, error in zip(rungs, errors[title], strict=True)
    ]
    + [ui.Row("Original", originals, [dataset.classes[label] for label in labels])]
)
card = cards[rungs[width]]
ui.explain(
    "A bottleneck forces a network to keep what tells pictures apart and to drop the rest. The "
    "models of this ladder differ in the width of the code alone; each was trained on "
    f"{card.trained_on:,} pictures. PCA with as many numbers is the best that two matrices can do; "
    "its copies are clipped to [0, 1], as pixels are. Digits lie near a bent surface, which a flat "
    "one misses: the gap between the curves is what bending is worth. "
    f"The model with {width} numbers was made by `{card.command}` (seed {card.seed}).",
    r"\mathrm{MSE}(D) = \tfrac{1}{784}\, \mathbb{E}\, \lVert x - g(f(x)) \rVert^2,"
    r" \qquad f(x) \in \mathbb{R}^D",
)
