"""Values that a person chooses in a box and that the page may set too: kept, and in the address.

With each click the browser sends what all boxes hold, also a box whose new value is still on its
way to the browser. Under the same key that old value would be taken for the person's choice. So a
box that the page sets gets a new key, and what still comes under the old one is nobody's choice.

The box is told the value as its default, not by Streamlit's session state: that is sent once, in
the first run with the key, and when the next click interrupts this run, the browser never hears it.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import streamlit as st


@dataclass
class _Kept:
    value: Any
    """As of the last run of the page."""
    version: int = 0
    """How often the page has set it."""


def _kept(key: str) -> _Kept | None:
    return st.session_state.get(f"{key}, kept")


def _box(key: str, version: int) -> str:
    return f"{key}~{version}" if version else key


def value(key: str, otherwise: Any = None) -> Any:
    """The newest value: what the person has just put into the box, else what is kept."""
    kept = _kept(key)
    if kept is None:
        return otherwise
    return st.session_state.get(_box(key, kept.version), kept.value)


def changed(key: str) -> bool:
    """True when the person has put another value into the box since the page was last run.

    For callbacks: Streamlit also calls those of boxes that are gone from the page.
    """
    kept = _kept(key)
    return kept is not None and value(key) != kept.value


def put(key: str, new: Any) -> None:
    """Set a value in place of the person; its box shows it from the next run on."""
    kept = _kept(key)
    if kept is None:
        st.session_state[f"{key}, kept"] = _Kept(new)
    elif value(key) != new:
        kept.value, kept.version = new, kept.version + 1


def box(key: str, start: Any = None) -> str:
    """The key of the box that holds a value, in this run; its default is `value`.

    Args:
        start: the value at first.
    """
    if _kept(key) is None:
        put(key, start)
    kept = _kept(key)
    assert kept is not None
    name = _box(key, kept.version)
    # Not there when it is new, or forgotten by Streamlit while other pages were shown.
    kept.value = st.session_state.get(name, kept.value)
    return name


def from_address(key: str, options: Container[Any], default: str) -> None:
    """Start with what the address says, else with a default, unless one of the options is kept."""
    # Not bind="query-params": it writes the option's label into the address instead of the option,
    # and the key of the box, which may change.
    if value(key) not in options:
        asked = st.query_params.get(key)
        put(key, asked if asked in options else default)


def to_address(key: str, default: Any) -> None:
    """Say in the address what is kept, unless it is the default."""
    chosen = value(key)
    if chosen == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != str(chosen):
        st.query_params[key] = str(chosen)
