"""aeviz: `streamlit run app.py`."""

import streamlit as st

from aeviz import ui

st.set_page_config(page_title="aeviz", layout="wide", initial_sidebar_state="auto")
page = st.navigation(
    {
        "Explore": [
            st.Page("pages/home.py", title="Home", default=True),
            st.Page("pages/which.py", title="Which autoencoder?"),
            st.Page("pages/anatomy.py", title="Anatomy"),
            st.Page("pages/map.py", title="Latent map"),
            st.Page("pages/interpolate.py", title="Interpolate"),
            st.Page("pages/sample.py", title="Sample"),
        ],
        "Measure": [
            st.Page("pages/reconstruct.py", title="Reconstruct"),
            st.Page("pages/ladder.py", title="Bottleneck ladder"),
            st.Page("pages/denoise.py", title="Denoise"),
            st.Page("pages/hidden.py", title="Missing parts"),
            st.Page("pages/anomaly.py", title="Anomalies"),
        ],
        "Compare": [
            st.Page("pages/compare.py", title="Compare"),
            st.Page("pages/stability.py", title="Stability"),
            st.Page("pages/codes.py", title="Uses of a code"),
            st.Page("pages/labels.py", title="Few labels"),
            st.Page("pages/loss.py", title="Loss"),
        ],
        "Make": [st.Page("pages/train.py", title="Train")],
    },
    expanded=True,
)
ui.one_thread()
ui.sidebar()
notice = st.container()
page.run()
with notice:
    ui.settle()
