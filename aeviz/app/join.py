"""How others get to this server: the address for their phones, as text and as a QR code.

Nothing is asked of any other host: which address this computer has in its network is read from its
own table of routes, and the code is drawn here.
"""

from __future__ import annotations

import functools
import html
import ipaddress
import socket
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

import segno
import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.web.server import server_util

ALONE = (
    "This server listens to this computer alone. For phones to join, start it with "
    "`streamlit run app.py --server.address 0.0.0.0`."
)
OFFLINE = (
    "This computer is in no network. Connect it to the one that the phones are in, then reload "
    "this page."
)
TARGETS = ("192.0.2.1", "10.42.0.2", "192.168.137.2", "192.168.2.2")
"""A place far away, which no network has (RFC 5737); and neighbours in the network that a laptop
makes itself, without a way to anywhere: by NetworkManager, Windows and macOS."""
QUIET = 4
"""Modules of white around a code: ISO/IEC 18004:2015, section 9.1."""


@dataclass(frozen=True)
class Way:
    """Where others open this server; or nowhere, and why."""

    address: str | None
    why: str = ""

    @property
    def near(self) -> bool:
        """Whether the address holds in this network alone."""
        try:
            return ipaddress.ip_address(urlsplit(self.address or "").hostname or "").is_private
        except ValueError:  # a name
            return False


def way(url: str | None = None) -> Way:
    """How others get to this server.

    Args:
        url: at which a visitor has come, without a page: it holds for others too, unless it means
            the visitor's own machine.
    """
    if url and not _is_own(urlsplit(url).hostname or "localhost"):
        return Way(url)
    named = str(st.get_option("browser.serverAddress") or "localhost")
    if not _is_own(named):
        return Way(server_util.get_url(named))
    listens = str(st.get_option("server.address") or "0.0.0.0")
    if listens not in ("0.0.0.0", "::"):
        alone = listens.startswith("unix:") or _is_own(listens)
        return Way(None, ALONE) if alone else Way(server_util.get_url(listens))
    found = lan_address()
    return Way(server_util.get_url(found)) if found else Way(None, OFFLINE)


def _is_own(host: str) -> bool:
    """Whether a host means the machine of whoever asks."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:  # a name
        return False
    return found.is_loopback or found.is_unspecified


def lan_address() -> str | None:
    """The address of this computer in its network; None where it is in none."""
    for target in TARGETS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))  # sends nothing: UDP only looks up the way
                found = str(probe.getsockname()[0])
            except OSError:
                continue
        if _is_seen(found):
            return found
    try:
        known = socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return None
    return next(filter(_is_seen, known), None)


def _is_seen(address: str) -> bool:
    """Whether others may know an address of this computer."""
    found = ipaddress.ip_address(address)
    return not (found.is_loopback or found.is_unspecified or found.is_link_local)


@functools.lru_cache(maxsize=16)
def code(address: str) -> str:
    """A QR code as the address of an SVG image, black on white in any theme."""
    drawn = segno.make(address, error="m", micro=False)
    return drawn.svg_data_uri(border=QUIET, dark="#000", light="#fff", omitsize=True)


def picture(address: str) -> str:
    """The QR code of an address as HTML."""
    name = html.escape(f"QR code of {address}", quote=True)
    return f'<img class="aeviz-join" alt="{name}" src="{code(address)}">'


def offer(page: StreamlitPage) -> None:
    """A button that shows how others join, large enough for the last row."""
    if st.button(
        "Join", key="join", help="The address for phones, with its QR code", type="tertiary"
    ):
        _show(here(page.url_path))


def here(page: str) -> Way:
    """How others get to this server, as a visitor of one of its pages sees it."""
    return way(_without_page(st.context.url, page))


def _without_page(url: str | None, page: str) -> str | None:
    """The address of the app, by that of one of its pages."""
    return url and url.rstrip("/").removesuffix(f"/{page}" if page else "")


@st.dialog("Join", width="large")
def _show(found: Way) -> None:
    if not found.address:
        st.info(found.why)
        return
    with st.container(key="join-way", horizontal=True, vertical_alignment="center", gap="large"):
        st.html(picture(found.address), width="content")
        with st.container(width="content"):
            near = " The phone must be in the same network." if found.near else ""
            st.markdown(f"Scan the code, or type the address.{near}")
            st.code(found.address, language=None, wrap_lines=True)


def say() -> None:
    """Print where the app is, for whoever has started it."""
    here, found = server_util.get_url("localhost"), way()
    lines = [f"aeviz on this computer: {here}"]
    lines += [f"For phones in the same network: {found.address}" if found.address else found.why]
    print("", *(f"  {line.replace('`', '')}" for line in lines), "", sep="\n", flush=True)
    if found.address and sys.stdout.isatty() and sys.stdout.encoding.lower() == "utf-8":
        segno.make(found.address, error="m", micro=False).terminal(compact=True)
