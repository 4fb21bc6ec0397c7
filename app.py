"""aeviz: `streamlit run app.py`."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import streamlit as st
from streamlit import cli_util, runtime
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server import server_util


def show() -> None:
    """The page that was asked for, and what all pages share."""
    st.set_page_config(page_title="aeviz", layout="wide", initial_sidebar_state="auto")
    page = st.navigation(
        {
            "Explore": [
                st.Page("pages/home.py", title="Home", default=True),
                st.Page("pages/chooser.py", title="Which autoencoder?"),
                st.Page("pages/anatomy.py", title="Anatomy"),
                st.Page("pages/map.py", title="Latent map"),
                st.Page("pages/interpolate.py", title="Interpolate"),
                st.Page("pages/sample.py", title="Sample"),
            ],
            "Measure": [
                st.Page("pages/reconstruct.py", title="Reconstruct"),
                st.Page("pages/ladder.py", title="Bottleneck ladder"),
                st.Page("pages/denoise.py", title="Denoise"),
                st.Page("pages/inpainting.py", title="Missing parts"),
                st.Page("pages/anomaly.py", title="Anomalies"),
            ],
            "Compare": [
                st.Page("pages/compare.py", title="Compare"),
                st.Page("pages/stability.py", title="Stability"),
                st.Page("pages/uses.py", title="Uses of a code"),
                st.Page("pages/few_labels.py", title="Few labels"),
                st.Page("pages/loss.py", title="Loss"),
            ],
            "Make": [st.Page("pages/train.py", title="Train")],
        },
        expanded=True,
    )
    first = "aeviz.app.ui" not in sys.modules  # seconds for torch, once in a server's life
    with st.spinner("Loading the models") if first else nullcontext():
        from aeviz.app import ui
    ui.one_thread()
    ui.sidebar()
    notice = st.container()
    page.run()
    with notice:
        ui.settle()


@asynccontextmanager
async def start(app: st.App) -> AsyncIterator[None]:
    """Load torch before anybody asks, and open a browser as `streamlit run` does without this."""
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, importlib.import_module, "aeviz.app.ui")
    if not st.get_option("server.headless"):
        loop.call_later(1, cli_util.open_browser, server_util.get_url("localhost"))
    yield


if runtime.exists():
    show()
else:
    # `streamlit run` finds the st.App below and imports this file before anybody is there: the one
    # moment to say that pages/ is no folder of Streamlit's older kind of app. Until st.navigation
    # is called it takes it for one, shows the names of the files and runs a page without `show`.
    PagesManager.uses_pages_directory = False
    app = st.App(__file__, lifespan=start)
