import streamlit as st

from aeviz.app import sidebar, widgets
from aeviz.app.views import holes
from aeviz.app.views import map as view

top = st.container()
subject = sidebar.subject()
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    kind = view.choose_view(subject)
    under = view.choose_layer(possible=kind != "space")
with top:
    widgets.heading("map", probe=view.HOW.get(kind, "Drag the round probe"))
asked = widgets.decoded_as(subject, "map_label")
behind = ""
if kind == "space":
    view.space(subject, asked)
else:
    plane = view.choose_plane(subject, kind)
    if plane is None:
        st.stop()
    label = None if asked is None else int(asked[0])
    view.say_layer(subject, plane, under["layer"], label)
    with widgets.exhibit("map"):
        view.explore("map", subject, plane, label=label, **under)
    behind = view.grid(subject, plane, label)
holes.of_one(subject)
formula, images = subject.model.formula_of(subject.model.config), f"{len(subject.codes()):,}"
widgets.explain("map", formula, images=images, behind=behind)
