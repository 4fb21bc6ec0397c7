"""aeviz: `streamlit run app.py`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from streamlit import cli_util, runtime
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server import server_util

from aeviz import environment
from aeviz.app import film, first, join, memory, pages, session
from aeviz.app.base_path import BasePath
from aeviz.app.door import Door
from aeviz.training import process


def show() -> None:
    """The page that was asked for, and what all pages share."""
    st.set_page_config(page_title="aeviz", layout="wide", initial_sidebar_state="collapsed")
    page = pages.navigation()
    there = first.show(page)
    session.open_page(page.url_path)
    if there or not first.loaded():  # seconds for torch, once in a server's life
        with st.spinner("Loading the models"):
            if there:
                time.sleep(first.DRAWING)
            first.load()
        if there:
            from aeviz.app.views import home

            home.warm()
            st.rerun()
    from aeviz.app import bar, sidebar

    sidebar.one_thread()
    bar.show(page)
    notice = st.container()
    pages.place_in_lesson(page)
    page.run()
    pages.next_step(page)
    with notice:
        bar.say_refused()
        sidebar.settle()
    bar.settle()


@asynccontextmanager
async def start(app: st.App) -> AsyncIterator[None]:
    """Load torch if nobody comes; say where the app is, and open a browser there."""
    loop = asyncio.get_running_loop()
    loop.call_later(first.ALONE, loop.run_in_executor, None, first.load)
    loop.call_later(1, join.say)  # by then it is known which port was free
    process.keep_workers()
    if not st.get_option("server.headless"):
        loop.call_later(1, cli_util.open_browser, server_util.get_url("localhost"))
    level = asyncio.create_task(memory.keep_level())
    yield
    level.cancel()


if runtime.exists():
    show()
else:
    # `streamlit run` finds the st.App below and imports this file before anybody is there: the one
    # moment to say that pages/ is no folder of Streamlit's older kind of app. Until st.navigation
    # is called it takes it for one, shows the names of the files and runs a page without `show`.
    PagesManager.uses_pages_directory = False
    try:
        environment.now()
    except environment.SettingsError as error:
        sys.exit(str(error))
    app = st.App(
        __file__,
        lifespan=start,
        routes=[film.ROUTE],
        middleware=[Middleware(BasePath), Middleware(Door)],
    )
