import numpy as np
import streamlit as st

from aeviz.analysis import inpainting, sampling
from aeviz.app import ui
from aeviz.data import corruption, datasets
from aeviz.models import apply
from aeviz.models.base import NEEDS
from aeviz.models.zoo import MODELS, describe, short_title

COLUMNS, SIGMA, CUT, HIDDEN = 8, 0.5, 14, 0.6
PAGE = {  # where a model shows how it serves a need
    "noise": ("denoise", "Clean noisy pictures with it"),
    "features": ("map", "Turn its numbers one by one"),
    "stability": ("map", "See where its codes lie"),
    "samples": ("sample", "Draw new pictures with it"),
    "classes": ("sample", "Ask it for a digit"),
    "sequences": ("hidden", "Cut a digit off and have it completed"),
    "missing": ("hidden", "Hide patches and have them filled in"),
}


def demonstration(need: str, name: str) -> list[ui.Row]:
    """What a shipped model does for a need, on fixed test digits."""
    model, mnist = ui.load_model(name), datasets.load("mnist")
    x = datasets.to_float(mnist.test_images[:COLUMNS])
    if need == "classes":
        code = sampling.sample_prior(model, 1)
        one = ui.codes(name, "mnist")[:1] if code is None else code
        digits = np.arange(10)
        made = apply.decode(model, one.repeat(10, 0), digits)
        return [ui.Row("One code, decoded as each digit", made, [str(k) for k in digits])]
    if need == "samples":
        drawn = sampling.sample_prior(model, COLUMNS)
        if drawn is None:
            drawn = sampling.sample_mixture(ui.mixture(name, "mnist", 10), COLUMNS)
        return [ui.Row("Digits that nobody wrote", apply.decode(model, drawn))]
    given, visible = x, None
    if need == "noise":
        given = corruption.noisy(x, SIGMA, 0)
    elif need == "sequences":
        visible = np.broadcast_to(np.arange(28)[:, None] < CUT, x.shape)
    elif need == "missing":
        visible = inpainting.hide_patches(COLUMNS, HIDDEN)
    seen = given if visible is None else np.where(visible, x, 0.35)
    copies = apply.reconstruct(model, given, None, visible)
    what = {"noise": "With noise", "sequences": "Cut off", "missing": "With parts hidden"}
    return [ui.Row(what.get(need, "Original"), seen), ui.Row("What it makes of them", copies)]


ui.heading(
    "Which autoencoder?",
    "Say what you need: the answer is trained and ready. Look at what it does to the digits.",
)
suited = {
    need: sorted(
        (name for name, c in MODELS.items() if need in c.needs),
        key=lambda name: (MODELS[name].needs.index(need), MODELS[name].order),
    )
    for need in NEEDS
}
asked, answered = st.columns([2, 5], gap="large")
with asked:
    need = ui.choice(
        "I need",
        {need: text for need, text in NEEDS.items() if suited[need]},
        "need",
        vertical=True,
    )
with answered:
    variant = suited[need][0]
    if len(suited[need]) > 1:
        titles = {name: short_title(name) for name in suited[need]}
        # A key for each need: the answer to one is not at once the answer to the next.
        variant = ui.choice("These do it, the most usual first", titles, f"answer-{need}")
    model_class, name = MODELS[variant], ui.nearest_shipped(variant, 32)
    st.subheader(f"{model_class.title}, {model_class.year}", anchor=False)
    st.markdown(f"{model_class.idea} {model_class.when}")
    if name:
        ui.rows(demonstration(need, name), least="3rem")
        width = ui.shipped_cards()[name].code_dim
        st.caption(f"Shipped with aeviz: {describe(variant, width)}, on test digits.")
    with st.container(horizontal=True, gap="small"):
        page, label = PAGE.get(need, ("reconstruct", "Compare its copies with originals"))
        if name:
            if st.button(label, on_click=ui.use_model, args=(name,), type="primary"):
                st.switch_page(ui.PAGES[page])
            if st.button("See its layers", on_click=ui.use_model, args=(name,)):
                st.switch_page(ui.PAGES["anatomy"])
        if st.button("Train one" if name else "Train one: none is shipped"):
            st.switch_page(ui.PAGES["train"], query_params={"variant": variant})
    st.markdown(f"**How it fails.** {model_class.fails}")
ui.explain(
    "Every autoencoder squeezes and rebuilds. What else it is good for comes from what its loss "
    "adds, from what it is shown while it trains, and from what its layers assume of a picture. "
    f"Here that is, for {model_class.source}:",
    model_class.formula,
)
