"""A part of a page that is drawn alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import streamlit as st

from aeviz.app import session


def alone(draw: Callable[[], None]) -> Callable[[], None]:
    """Have a click in a part of a page draw no more than this part.

    Above it are the models and all that every page has, two thirds of what a page costs the server;
    forty people who draw again need none of that. What is outside must not depend on the part.
    """

    @st.fragment
    @wraps(draw)
    def part() -> None:
        if session.is_part() and session.refused() != session.get("refused_said"):
            st.rerun()  # something was chosen in place of what the address said in vain
        draw()

    return part
