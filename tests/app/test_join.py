"""How others get to the server: the address in each way of serving, and its code."""

from __future__ import annotations

import socket
import urllib.parse
from collections.abc import Iterator

import pytest
from streamlit import config

from aeviz.app import join

ROUTES = {"192.0.2.1": "192.168.1.20"}


class Routes:
    """A socket of a computer with these ways out: UDP's connect only looks one up."""

    known: dict[str, str] = ROUTES

    def __init__(self, family: int, kind: int) -> None:
        assert (family, kind) == (socket.AF_INET, socket.SOCK_DGRAM)  # any other one sends

    def __enter__(self) -> Routes:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self, target: tuple[str, int]) -> None:
        if target[0] not in self.known:
            raise OSError(101, "Network is unreachable")
        self.own = self.known[target[0]]

    def getsockname(self) -> tuple[str, int]:
        return self.own, 40000


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(socket, "socket", Routes)
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda name: (name, [], ["127.0.1.1"]))
    before = {name: config.get_option(name) for name in OPTIONS}
    yield
    for name, value in before.items():
        config.set_option(name, value)


OPTIONS = ("server.address", "server.port", "server.baseUrlPath", "browser.serverAddress")


@pytest.mark.parametrize(
    ("known", "hosts", "found"),
    [
        (ROUTES, [], "192.168.1.20"),
        ({"10.42.0.2": "10.42.0.1"}, [], "10.42.0.1"),  # a network that the laptop makes itself
        ({"192.0.2.1": "127.0.0.1"}, ["127.0.1.1", "10.0.0.7"], "10.0.0.7"),
        ({"192.0.2.1": "169.254.3.4"}, ["127.0.1.1"], None),  # no one gave it an address
        ({}, [], None),
    ],
)
def test_the_address_in_the_network_is_found_without_asking_anybody(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, str], hosts: list[str], found: str | None
) -> None:
    monkeypatch.setattr(Routes, "known", known)
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda name: (name, [], hosts))
    assert join.lan_address() == found


def test_a_computer_whose_name_is_unknown_is_in_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(Routes, "known", {})
    monkeypatch.setattr(socket, "gethostbyname_ex", unknown)
    assert join.way() == join.Way(None, join.OFFLINE)


@pytest.mark.parametrize(
    ("url", "options", "address"),
    [
        ("http://localhost:8501", {}, "http://192.168.1.20:8501"),
        ("http://127.0.0.1:8501", {}, "http://192.168.1.20:8501"),
        ("http://0.0.0.0:8501", {"server.address": "0.0.0.0"}, "http://192.168.1.20:8501"),
        (None, {"server.baseUrlPath": "class"}, "http://192.168.1.20:8501/class"),
        ("http://192.168.1.20:8501", {}, "http://192.168.1.20:8501"),
        ("http://10.0.0.5:8501", {}, "http://10.0.0.5:8501"),  # as it has come there
        (
            "https://class.example.org/class",
            {"server.address": "127.0.0.1"},  # behind a proxy
            "https://class.example.org/class",
        ),
        (
            "http://localhost:8501",
            {"browser.serverAddress": "class.example.org"},
            "http://class.example.org:8501",
        ),
        (None, {"server.address": "10.1.2.3"}, "http://10.1.2.3:8501"),
    ],
)
def test_the_address_is_one_that_others_can_open(
    url: str | None, options: dict[str, str], address: str
) -> None:
    config.set_option("server.port", 8501)
    for name, value in options.items():
        config.set_option(name, value)
    assert join.way(url).address == address


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "unix:///run/aeviz"])
def test_a_server_that_listens_to_nobody_else_says_what_changes_it(address: str) -> None:
    config.set_option("server.address", address)
    found = join.way("http://localhost:8501")
    assert found.address is None
    assert "`streamlit run app.py --server.address 0.0.0.0`" in found.why


def test_it_is_said_when_the_address_holds_in_one_network_alone() -> None:
    assert join.Way("http://192.168.1.20:8501").near
    assert not join.Way("https://class.example.org/class").near
    assert not join.Way(None, join.ALONE).near


def test_the_code_is_drawn_here_and_asks_no_host() -> None:
    head, _, body = join.code("http://192.168.1.20:8501").partition(",")
    assert head == "data:image/svg+xml;charset=utf-8"
    svg = urllib.parse.unquote(body)
    assert svg.replace("http://www.w3.org/2000/svg", "").count("http") == 0
    # 24 bytes with 15 % to spare are version 2: 25 modules and 4 of white on each side.
    assert 'viewBox="0 0 33 33"' in svg.replace("'", '"')


def test_the_terminal_says_both_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    config.set_option("server.port", 8501)
    join.say()
    said = capsys.readouterr().out
    assert "aeviz on this computer: http://localhost:8501\n" in said
    assert "For phones in the same network: http://192.168.1.20:8501\n" in said
    config.set_option("server.address", "127.0.0.1")
    join.say()
    assert "streamlit run app.py --server.address 0.0.0.0." in capsys.readouterr().out
