import streamlit as st

from aeviz.analysis import few_labels
from aeviz.app import sidebar, widgets
from aeviz.app.views import few_labels as view

subject = sidebar.subject()
widgets.heading("few_labels")
found = view.measured(subject)
st.markdown(few_labels.finding(found))
with widgets.exhibit("few_labels"):
    view.accuracy(subject, found)
widgets.explain("few_labels", images=f"{few_labels.UNLABELLED:,}")
