import numpy as np
import streamlit as st

from aeviz.analysis import compare, errors, pca
from aeviz.app import intake, ui
from aeviz.charts import export, figures
from aeviz.data import datasets
from aeviz.models import apply
from aeviz.models.zoo import numbers

SHOW = {"worst": "Worst 20", "classes": "Each class", "random": "Random 20", "own": "Yours"}
MOST = 20
NEAREST = 6
WIDTHS = (2, 8, 32, 128)

dataset = ui.dataset()
ui.heading(
    "Which model copies best?",
    "The same pictures through each model and through PCA. Look for strokes that one keeps and "
    "another loses, and for pictures that are hard for all of them.",
)
which, wide = st.columns([3, 2], gap="medium")
with which:
    chosen = ui.pick_models("compared")
models = {ui.describe(name): ui.load_model(name) for name in chosen}
first = next(iter(models.values()))
with wide:
    widths = {"same": f"as the first: {first.code_dim:,}"} | {str(w): str(w) for w in WIDTHS}
    asked = ui.choice("Numbers of PCA", widths, "compare_pca")
width = min(first.code_dim if asked == "same" else int(asked), 784)  # no more axes than pixels
linear, by_pca = pca.pca(dataset, width), f"PCA, {numbers(width)}"
overall = {
    title: ui.model_errors(name, dataset.name) for title, name in zip(models, chosen, strict=True)
}
overall[by_pca] = ui.pca_errors(dataset.name, width)
known = {title: ui.codes(name, dataset.name) for title, name in zip(models, chosen, strict=True)}
known[by_pca] = ui.pca_codes(dataset.name, width)
usual = {
    title: ui.usual_range(name, dataset.name, known[title])
    for title, name in zip(known, [*chosen, f"pca-{width}"], strict=True)
}


def pick() -> tuple[intake.Picked, str]:
    """Widgets that choose the pictures, and a sentence that says which ones they are."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        show = ui.choice(
            "Which pictures",
            SHOW,
            "compare_show",
            "Those that a model copies worst, the first of each class, some at random, or one by "
            "number or of your own.",
        )
        if show == "worst":
            ranks = {str(k): title for k, title in enumerate(overall)}
            of = ranks[ui.choice("Worst copied by", ranks, "compare_worst", menu=True)]
            found = compare.worst(overall[of].mse, MOST)
            sentence = f"The {MOST} test pictures that {of} copies worst, the worst first."
        elif show == "random":
            draw = np.random.default_rng(ui.draw_again("compare_seed"))
            found = draw.choice(len(dataset.test_labels), MOST, replace=False)
            sentence = f"{MOST} test pictures drawn at random."
        else:
            found = compare.first_of_each(dataset.test_labels)
            sentence = "The first test picture of each class."
    if show == "own":
        picked = intake.pick(dataset, key="compare_picture", many=True)
        labels = None if picked.labels is None else picked.labels[:MOST]
        return intake.Picked(picked.pictures[:MOST], picked.names[:MOST], labels), ""
    labels = dataset.test_labels[found]
    names = [f"{dataset.classes[label]}\n#{i}" for label, i in zip(labels, found, strict=True)]
    pictures = datasets.to_float(dataset.test_images[found])
    return intake.Picked(pictures, names, labels), sentence


# What follows is a fragment, and the closer look one within it: a click runs no more than it needs.
@st.fragment
def beside_each_other() -> None:
    """The pictures, their copies by each model and the errors, and one of them looked at closer."""
    picked, sentence = pick()
    pictures, captions = picked.pictures, picked.names
    codes, copies = {}, {}
    for title, model in models.items():
        given = apply.classify(model, pictures) if picked.labels is None else picked.labels
        codes[title] = apply.encode(model, pictures, given)
        copies[title] = apply.decode(model, codes[title], given)
    codes[by_pca], copies[by_pca] = linear.encode(pictures), linear.reconstruct(pictures)
    squared = {title: errors.compare(pictures, copy).mse for title, copy in copies.items()}
    signed = {title: figures.signed(copy - pictures) for title, copy in copies.items()}

    table = [ui.Row("Original", pictures, captions)]
    for title, copy in copies.items():
        table.append(ui.Row(f"Copy by {title}", copy))
        texts = [f"{value:.4f}" for value in squared[title]]
        table.append(ui.Row(f"Error and MSE: {title}", signed[title], texts))
    if sentence:
        st.markdown(sentence)
    if len(pictures) == 1:
        items = [ui.Item([(pictures[0], "original")], "Original")]
        for title, copy in copies.items():
            both = [(copy[0], title), (signed[title][0], f"error of {title}")]
            items.append(ui.Item(both, f"{title}\nMSE {squared[title][0]:.4f}"))
        ui.gallery(items, size="clamp(8rem, 9vw, 11rem)")
    else:
        ui.rows(table, least="2.7rem", held=True)  # twenty have room beside each other
    columns = {"picture": [caption.replace("\n", " ") for caption in captions]}
    columns |= {f"MSE of {title}": values.tolist() for title, values in squared.items()}
    note = f"{sentence} Error: blue is too dark, red too bright.".strip()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        ui.error_key()
        ui.download(
            "pictures as PNG",
            lambda: export.rows([(row.name, row.pictures, row.texts) for row in table], note),
            "aeviz-compare.png",
        )
        ui.download(
            "errors as CSV",
            lambda: export.table(list(columns), zip(*columns.values(), strict=True)),
            "aeviz-compare.csv",
        )
    if told := [title for title, model in models.items() if model.uses_labels]:
        how = "They find the class themselves" if picked.labels is None else "They are told it"
        st.caption(
            f"These take the class as well: {'; '.join(told)}. {how}; the others keep it in their "
            "codes."
        )
    closer(picked, codes)


@st.fragment
def closer(picked: intake.Picked, codes: dict[str, np.ndarray]) -> None:
    """One of the pictures: its code under each model, and its neighbours in each space."""
    st.subheader("A closer look at one", anchor=False)
    k = 0
    if len(picked.pictures) > 1:
        each = {str(k): name.replace("\n", " ") for k, name in enumerate(picked.names)}
        k = int(ui.choice("Which one", each, "compare_closer"))
    picture, label = picked.pictures[k], None if picked.labels is None else int(picked.labels[k])
    its_code, around = st.columns([2, 3], gap="large")
    with its_code:
        st.markdown("**Its code**: each number, over where 90 % of the test pictures have it")
        st.plotly_chart(
            figures.codes_beside({title: (code[k], usual[title]) for title, code in codes.items()}),
            config=figures.PLAIN,
            key="compare_codes",
            alt="the code of the picture under each model",
        )
    with around:
        st.markdown("**Its nearest test pictures**: class, and distance in that space")
        own = compare.same(dataset.test_images, picture)  # is no neighbour of itself
        spaces = {title: (known[title], code[k]) for title, code in codes.items()}
        spaces["raw pixels"] = ui.pixels(dataset.name), picture.ravel()
        table = []
        for title, (points, place) in spaces.items():
            distances, near = compare.neighbours(points, place, NEAREST, own)
            classes = dataset.test_labels[near]
            name, votes = dataset.classes[compare.vote(classes)[0]], compare.vote(classes)[1]
            if label is not None:
                name, votes = dataset.classes[label], int((classes == label).sum())
            texts = [
                f"{dataset.classes[c]}\n{distance:.3g}"
                for c, distance in zip(classes, distances, strict=True)
            ]
            heading = f"{title}: {votes} of {NEAREST} are {name}"
            table.append(ui.Row(heading, dataset.test_images[near], texts))
        ui.rows(table, least="3rem")
        st.caption("Distances compare within a row only: each space has a scale of its own.")


beside_each_other()

# -- all of them --------------------------------------------------------------------------------

st.subheader("Which classes are hard?", anchor=False)
best, *others = sorted(overall, key=lambda title: overall[title].overall["mse"])
st.markdown(
    f"Over all {len(dataset.test_labels):,} test pictures **{best}** copies best, with an MSE of "
    f"**{overall[best].overall['mse']:.4f}**; "
    + ", ".join(f"{title} has {overall[title].overall['mse']:.4f}" for title in others)
    + "."
)
by_class = {
    title: np.append(
        of.overall["mse"], compare.by_class(of.mse, dataset.test_labels, len(dataset.classes))
    )
    for title, of in overall.items()
}
table = figures.class_errors(by_class, ("all", *dataset.classes))
across = table.to_dict()["layout"]["width"]
with st.container(key="compare-classes", width=across):
    # No narrower than it is drawn: where there is less room it scrolls sideways.
    st.html(
        "<style>.st-key-compare-classes > .stElementContainer:has(.stPlotlyChart) "
        f"{{ min-width: {across}px; }}</style>"
    )
    st.plotly_chart(
        table,
        config=figures.PLAIN,
        key="classes",
        alt="mean squared error of each model for each class",
    )
st.caption(
    "MSE over all test pictures of a class: the more orange, the larger. Classes with much ink "
    "have more to get wrong."
)
ui.explain(
    "Each picture goes through the encoder and the decoder of each model, and the copy is compared "
    "with the picture, pixel by pixel. PCA is the best that two matrices can do with as many "
    "numbers; it is fitted to the training pictures and clipped to [0, 1]. A wider code keeps "
    "more, so compare models of one width, or give PCA the width that it needs. A model that takes "
    "labels gets them with test pictures. Two pictures are neighbours where their codes are near "
    "each other: a model whose neighbours share the class has sorted the pictures without having "
    "been told to. Neighbours in pixel space share ink, not meaning; there, a digit moved by two "
    "pixels is far from itself.",
    r"\mathrm{MSE} = \tfrac{1}{784} \sum_i (x_i - \hat x_i)^2, \quad \hat x = g(f(x)) \qquad "
    r"d(x, y) = \lVert f(x) - f(y) \rVert",
)
