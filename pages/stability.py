import numpy as np
import streamlit as st

from aeviz.analysis import compare, pca
from aeviz.app import intake, ui
from aeviz.charts import export, figures
from aeviz.data import perturb
from aeviz.models import apply
from aeviz.models.zoo import numbers

MOST = 4  # models whose curves can be told apart
NEAREST = 5
STRIP = slice(None, None, 4)  # of the 25 strengths, also the one that changes nothing

dataset = ui.dataset()
ui.heading(
    "How far does the code move?",
    "A picture is changed by degrees and encoded each time. Look for a model whose curve stays "
    "low while the picture is still the same digit to you.",
)
chosen = ui.pick_models("moved", MOST)
models = {ui.describe(name): ui.load_model(name) for name in chosen}
width = min(next(iter(models.values())).code_dim, 784)
linear, pca = pca.pca(dataset, width), f"PCA, {numbers(width)}"
known = {
    title: (name, ui.codes(name, dataset.name)) for title, name in zip(models, chosen, strict=True)
}
known[pca] = f"pca-{width}", ui.pca_codes(dataset.name, width)
known["raw pixels"] = "pixels", ui.pixels(dataset.name)
typical = {
    title: ui.typical_distance(name, dataset.name, codes) for title, (name, codes) in known.items()
}


def say(points: np.ndarray, code: np.ndarray, own: np.ndarray) -> tuple[str, int]:
    """Which class most of the nearest test pictures of a code are, and how many."""
    near = compare.neighbours(points, code, NEAREST, own)[1]
    label, votes = compare.vote(dataset.test_labels[near])
    return dataset.classes[label], votes


@st.fragment  # a click runs no more than it changes
def movements() -> None:
    """A picture and a change, and how far each code moves by it."""
    picked = intake.pick(dataset, key="moved_picture", start=0)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        change = ui.choice(
            "Change", {key: kind.title for key, kind in perturb.KINDS.items()}, "change"
        )
        kind = perturb.KINDS[change]
        strength = st.slider(
            kind.label,
            kind.low,
            kind.high,
            kind.start,
            kind.step,
            format="%g",
            key=f"moved_{change}",
            bind="query-params",
            width=420,
        )

    strengths, pictures = kind.strengths, kind.along(picked.pictures[0])
    now, still = (int(np.abs(strengths - value).argmin()) for value in (strength, 0.0))
    # A model that takes labels is told the class of a test picture, which no change changes.
    labels = None if picked.labels is None else picked.labels[:1].repeat(len(pictures))
    codes, copies = {}, {}
    for title, model in models.items():
        given = apply.classify(model, pictures) if labels is None else labels
        codes[title] = apply.encode(model, pictures, given)
        copies[title] = apply.decode(model, codes[title], given)
    codes[pca], copies[pca] = linear.encode(pictures), linear.reconstruct(pictures)
    codes["raw pixels"] = compare.flat(pictures)
    moved = {
        title: compare.movement(places, places[still], typical[title])
        for title, places in codes.items()
    }

    # At this strength.

    items = [
        ui.Item([(pictures[still], "original")], "Original\nnot moved"),
        ui.Item([(pictures[now], "changed")], f"Changed\nmoved {moved['raw pixels'][now]:.2f}"),
    ]
    items += [
        ui.Item([(copy[now], title)], f"{title}\nmoved {moved[title][now]:.2f}")
        for title, copy in copies.items()
    ]
    ui.gallery(items, size="clamp(7rem, 9.5vw, 10rem)")
    st.caption(
        "Moved: distance between the codes of the original and the changed picture, where 1 is the "
        "median distance between two test pictures. Beside the original and the changed one are "
        "the models' copies of the changed one."
    )
    if any(model.uses_labels for model in models.values()):
        st.caption(
            "Models that take labels are told the class of a test picture, and find it themselves "
            "for your own."
        )

    curves, path = st.columns([1, 1], gap="large")
    with curves:
        st.plotly_chart(
            figures.movement_curves(strengths, moved, now, kind.label),
            config=figures.PLAIN,
            key="movement",
            alt="how far each code moves against the strength of the change",
        )
    with path:
        title, (name, points) = next(iter(known.items()))
        if points.shape[1] > 1:
            plane = ui.default_plane(name, dataset.name)
            places = plane.project(codes[title])
            st.plotly_chart(
                figures.pinned_map(
                    plane.project(points[: figures.PINNED_DOTS]),
                    dataset.test_labels[: figures.PINNED_DOTS],
                    dataset.classes,
                    {"original": places[still], "changed": places[now]},
                    plane.axis_titles,
                    path=places,
                ),
                config=figures.PLAIN,
                key="moved_path",
            )
            ui.class_key(dataset.classes)
            st.caption(f"The way of the code of {title}: a rimmed dot for each step of the slider.")

    # What its neighbours say.

    own = compare.same(dataset.test_images, pictures[still])  # is no neighbour of itself
    st.subheader(f"What do its {NEAREST} nearest neighbours say?", anchor=False)
    votes = {
        title: [say(known[title][1], places[at], own) for at in (still, now)]
        for title, places in codes.items()
    }
    st.table(
        [
            {"space": title, "moved": f"{moved[title][now]:.2f}"}
            | {
                when: f"{name} ({count} of {NEAREST})"
                for when, (name, count) in zip(("original", "changed"), both, strict=True)
            }
            for title, both in votes.items()
        ],
        hide_index=True,
    )
    turned = [title for title, (before, after) in votes.items() if before[0] != after[0]]
    st.markdown(
        f"The vote turned for **{', '.join(turned)}**."
        if turned
        else "The vote is the same as before in every space."
    )

    # All the way.

    st.subheader("All the way", anchor=False)
    table = [ui.Row(kind.label, pictures[STRIP], [f"{value:g}" for value in strengths[STRIP]])]
    for title, copy in copies.items():
        texts = [f"moved {value:.2f}" for value in moved[title][STRIP]]
        table.append(ui.Row(f"Copy by {title}", copy[STRIP], texts))
    ui.rows(table)
    columns = {kind.label: strengths.tolist()}
    columns |= {f"movement of {title}": values.tolist() for title, values in moved.items()}
    ui.download(
        "movements as CSV",
        lambda: export.table(list(columns), zip(*columns.values(), strict=True)),
        "aeviz-stability.csv",
    )


movements()
ui.explain(
    "Codes of different models have different scales, so each movement is divided by the median "
    "distance between the codes of two test pictures of the same model, of 10,000 pairs drawn at "
    "random. A movement of 1 is as far as from one picture to just another one. PCA and raw pixels "
    "are measured in the same way. A good code moves little for what does not matter: but little "
    "is not all, as a model that gives every picture the same code would not move at all. What "
    "counts is whether it moves less than what leads to another class, which the vote of the five "
    "nearest test pictures shows. Strokes are widened by grey dilation and thinned by erosion, "
    "shifting and turning interpolate linearly, and noise is the same at each strength, clipped to "
    "[0, 1].",
    r"\mathrm{moved}(s) = \frac{\lVert f(x_s) - f(x_0) \rVert}"
    r"{\mathrm{median}_{i \neq j} \, \lVert f(x_i) - f(x_j) \rVert}",
)
