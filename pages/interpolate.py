import streamlit as st

from aeviz.app import sidebar, widgets
from aeviz.app.views import interpolate as view

subject = sidebar.subject()
widgets.heading("interpolate")
stations = view.pick_stations(subject.data)
with widgets.exhibit("interpolate"):
    film, chart = st.columns([3, 2], gap="medium")
    with film:
        screen = st.container()
        path = view.pick_path(subject, stations)
    with screen:
        view.film(path)
    with chart:
        view.on_map(path)
view.strip(path)
view.emptiness(path)
widgets.explain("interpolate", shell=view.shell(path))
