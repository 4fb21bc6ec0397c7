"""What a person chose: the only module that reads and writes session state and the address.

With each click the browser sends what all boxes hold, also a box whose new value is still on its
way to the browser. Under the same key that old value would be taken for the person's choice. So a
box that the page sets gets a new key, and what still comes under the old one is nobody's choice.

The box is told the value as its default, not by Streamlit's session state: that is sent once, in
the first run with the key, and when the next click interrupts this run, the browser never hears it.

What is kept here outlives a look at another page. A list stands in the address with commas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

# -- the session --------------------------------------------------------------------------------


def get(key: str, otherwise: Any = None) -> Any:
    """What is noted under a key, or what a component says under its own."""
    return st.session_state.get(key, otherwise)


def note(key: str, value: Any) -> None:
    """Note a value that no box shows."""
    st.session_state[key] = value


def start(key: str, first: Callable[[], Any]) -> Any:
    """What is noted under a key, at first what the function gives."""
    if key not in st.session_state:
        st.session_state[key] = first()
    return st.session_state[key]


def forget(key: str) -> Any:
    """Drop what is noted under a key, and return it."""
    return st.session_state.pop(key, None)


# -- the address --------------------------------------------------------------------------------


def asked(key: str) -> str | None:
    """What the address says under a key."""
    return st.query_params.get(key)


def asked_list(key: str) -> list[str]:
    """The different things that the address lists under a key."""
    return [part for part in dict.fromkeys((asked(key) or "").split(",")) if part]


def asked_repeatedly(key: str) -> list[str]:
    """The same, also of addresses of earlier versions, which say the key once for each thing."""
    said = ",".join(st.query_params.get_all(key)).split(",")
    return [part for part in dict.fromkeys(said) if part]


def asked_numbers(key: str, count: int) -> tuple[float, ...] | None:
    """So many finite numbers that the address lists under a key; None for anything else."""
    said = asked(key)
    if said is None:
        return None
    try:
        values = tuple(float(part) for part in said.split(","))
    except ValueError:
        values = ()
    if len(values) == count and all(map(math.isfinite, values)):
        return values
    refuse(key, said)
    return None


def refuse(key: str, text: str, instead: Any = None) -> None:
    """Note that an address says something under a key that there is not.

    Args:
        instead: what the key's box holds now, if there is one.
    """
    start("refused", dict)[key] = (text, instead)


def refused() -> dict[str, str]:
    """What the address of this page said in vain, until a person chose something in its place."""
    noted: dict[str, tuple[str, Any]] = get("refused", {})
    return {key: text for key, (text, instead) in noted.items() if value(key) in (None, instead)}


def open_page(name: str) -> None:
    """Note which page is shown; what the address of the page before said in vain is forgotten."""
    if get("page") != name:
        note("page", name)
        forget("refused")


def say(key: str, text: object = None) -> None:
    """Have the address say something under a key, a list with commas; nothing for None."""
    if text is None:
        st.query_params.pop(key, None)
        return
    if isinstance(text, Iterable) and not isinstance(text, str):
        text = ",".join(map(str, text))
    if st.query_params.get(key) != str(text):
        st.query_params[key] = str(text)


def went_back() -> bool:
    """True in the run after a person went Back or Forward: the address is what they want."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def is_part() -> bool:
    """True in a run of a part of the page alone."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def address() -> dict[str, str]:
    """All that the address says."""
    return st.query_params.to_dict()


# -- boxes --------------------------------------------------------------------------------------


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


def begin(key: str, start: Any, read: Callable[[str], Any], fits: Callable[[Any], bool]) -> None:
    """Start with what is kept, else with what the address says, else with a default.

    After Back or Forward the address comes first.

    Args:
        read: makes a value of the address's text; raises ValueError where that is none.
        fits: whether a value is possible in this run of the page.
    """
    # Not bind="query-params": it writes the option's label into the address instead of the option,
    # and the key of the box, which may change; and it forgets on the next page.
    kept, back = value(key), went_back()
    if kept is not None and fits(kept) and not back:
        return
    said = asked(key) if kept is None or back else None
    try:
        asked_for = read(said or "") if kept is None or back else None
    except ValueError:
        asked_for = None
    fitting = asked_for is not None and fits(asked_for)
    put(key, asked_for if fitting else start)
    if said and not fitting:
        refuse(key, said, start)


def settled(key: str, start: Any) -> None:
    """Have the address say what is kept, unless it is what the page starts with."""
    chosen = value(key)
    if isinstance(chosen, bool):
        chosen, start = str(chosen).lower(), str(start).lower()
    say(key, None if chosen == start else chosen)


def yes_or_no(text: str) -> bool:
    """What an address says of a switch.

    Raises:
        ValueError: neither true nor false.
    """
    return {"true": True, "false": False}[text] if text in ("true", "false") else bool(int(text))
