import streamlit as st

from aeviz.app import sidebar, widgets
from aeviz.app.views import ladder as view
from aeviz.models import zoo

rungs = view.rungs()
title = next(iter(rungs.values())).model.title
widgets.heading("ladder", model=title.lower(), widths=", ".join(map(str, rungs)))
with widgets.exhibit("ladder"):
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        width = view.pick_width(list(rungs))
        seed = widgets.draw_again("ladder_seed", "Other images", main=False)
    rung, errors = rungs[width], view.errors(rungs)
    shown = view.one_of_each(rung.data, seed)
    images, chart = widgets.main_and_beside()
    with images:
        view.beside_pca(rung, shown)
        view.in_words(rung, *errors[width])
        dimensions = zoo.dimensions(width)
        with st.container(key="aside-use"):
            st.button(
                f"Use the model with {dimensions} on all pages",
                on_click=sidebar.use,
                args=(rung.key,),
            )
    with chart:
        view.curve(title, errors, width)
st.header("The whole ladder", anchor=False)
view.whole(rungs, errors, shown)
card = rung.model.card
widgets.explain(
    "ladder",
    images=f"{card.trained_on:,}",
    dimensions=dimensions,
    command=card.command,
    seed=card.seed,
)
