"""A person at the app without a browser: Streamlit's own messages over its websocket.

What a browser does, as far as the server can tell: it says which page it wants, keeps what it is
sent, and asks again where a part of a page draws itself anew. Nothing is drawn, so that forty of
these cost little beside one server.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
import urllib.parse
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import StringArray
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

TRIGGERS = "$$STREAMLIT_INTERNAL_KEY_{}__events"
"""Under this id Streamlit's page sends what a v2 component triggers."""
WATCH = "aeviz.watch"
"""This component asks for a run's state again once the last answer is there."""
FILM, EVERY = "aeviz.film", 0.25
"""This one fetches the frames of a run that are new, so many seconds after the last answer."""
PATIENCE, LONGEST = 4, 4.0
"""It waits so many times as long as the last answer took, but no longer than so many seconds."""
OWNER = "aeviz_owner"
"""The cookie that says whose runs these are."""
KEPT = 2
"""Runs for which a long message is kept that was not shown again; Streamlit's default."""


@dataclass
class Part:
    """One element of the page, and the runs of the script that draw it."""

    element: Element
    fragment: str
    run: str


@dataclass
class Kept:
    """A long message, which the server does not send twice."""

    message: ForwardMsg
    unused: int = 0


@dataclass
class Visitor:
    """One tab.

    Args:
        address: of the server, such as "http://127.0.0.1:8501".
        page: a page's name in the address; the home page where left out.
        query: what stands behind the question mark.
        owner: the token in the cookie of this person's browser; none where left out.
    """

    address: str
    page: str = ""
    query: str = ""
    owner: str = ""
    parts: dict[tuple[int, ...], Part] = field(default_factory=dict)
    """What the page shows, by its place."""
    finished: list[float] = field(default_factory=list)
    """When a run of the page, or of a part of it, had come to its end; `time.perf_counter`."""

    frames: dict[str, list[int]] = field(default_factory=dict)
    """The steps of the frames that came, by the address of the film."""
    refreshed: list[float] = field(default_factory=list)
    """When new frames had come; `time.perf_counter`."""

    def __post_init__(self) -> None:
        self._states: dict[str, WidgetState] = {}
        self._kept: dict[str, Kept] = {}
        self._asked: list[tuple[float, asyncio.Future[float]]] = []
        self._timers: dict[str, asyncio.Task[None]] = {}  # of fragments and of `WATCH`
        self._seen, self._ticked = "", 0.0  # what `WATCH` was given last, and when it asked
        self._place = ""  # the page's hash, once it is known
        self._session = ""  # what the server calls it, by which it is known again
        self._run, self._fragments, self._began = "", frozenset[str](), 0.0

    # -- what a person does -------------------------------------------------------------------

    async def come(self) -> float:
        """Connect and show the page; returns the seconds until it was there."""
        began = time.perf_counter()
        await self._connect()
        await self._ask()
        return time.perf_counter() - began

    async def lose(self) -> None:
        """The line is cut: nothing is said to the server, and nothing comes any more."""
        self._socket.transport.abort()
        await asyncio.gather(self._listener, self._socket.wait_closed(), return_exceptions=True)
        await self._end_timers()
        self.frames = {}

    async def come_back(self) -> float:
        """Connect again as a browser does by itself; returns the seconds until the page was there.

        The server is told which session this was.
        """
        return await self.come()

    async def _connect(self) -> None:
        protocols = ["streamlit", "PLACEHOLDER_AUTH_TOKEN", *filter(None, [self._session])]
        self._socket = await connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream",
            origin=Origin(self.address),
            additional_headers={"Cookie": f"{OWNER}={self.owner}"} if self.owner else None,
            subprotocols=[Subprotocol(protocol) for protocol in protocols],
            max_size=None,
            open_timeout=None,  # a browser is patient
            compression=None,  # nor does the server offer any to a browser
        )
        self._listener = asyncio.create_task(self._listen())

    async def click(self, label: str) -> float:
        """Press a button; returns the seconds until the page had been drawn anew."""
        part = self.find("button", label)
        press = WidgetState(id=part.element.button.id, trigger_value=True)
        return await self._ask(part.fragment, [press])

    async def put(self, kind: str, label: str, **value: Any) -> float:
        """Change a box or a slider, as in `put("number_input", "Seed", double_value=7)`."""
        part = self.find(kind, label)
        widget = getattr(part.element, kind).id
        self._states[widget] = WidgetState(id=widget, **value)
        return await self._ask(part.fragment)

    async def choose(self, label: str, option: str) -> float:
        """Press one of some buttons that stand side by side."""
        return await self.put("button_group", label, string_array_value=StringArray(data=[option]))

    async def trigger(self, component: str, event: str, value: Any) -> float:
        """What `setTriggerValue(event, value)` in a v2 component does."""
        part = next(part for part in self.shown("bidi_component") if _is(part, component))
        return await self._ask(part.fragment, [_triggered(part, event, value)])

    async def send(self, message: BackMsg) -> None:
        """Send a message that no page would, as anybody can."""
        await self._socket.send(message.SerializeToString())

    async def close(self) -> None:
        """Close the tab."""
        self._listener.cancel()  # first: what it hears starts timers anew
        await asyncio.gather(self._listener, return_exceptions=True)
        await self._end_timers()
        await self._socket.close()

    # -- what is seen -------------------------------------------------------------------------

    def shown(self, kind: str) -> Iterator[Part]:
        """Every part of a kind, such as "button"."""
        return (p for p in self.parts.values() if p.element.WhichOneof("type") == kind)

    def find(self, kind: str, label: str) -> Part:
        """The part of a kind that has a label.

        Raises:
            LookupError: the page has none.
        """
        for part in self.shown(kind):
            if getattr(part.element, kind).label == label:
                return part
        raise LookupError(f"The page {self.page!r} has no {kind} {label!r}.")

    def troubles(self) -> list[str]:
        """What an error that nobody caught put on the page."""
        return [part.element.exception.message for part in self.shown("exception")]

    def run(self) -> dict[str, Any]:
        """What the page of a run was told last of it; empty where none is shown."""
        for part in self.shown("bidi_component"):
            if _is(part, WATCH):
                told: dict[str, Any] = json.loads(part.element.bidi_component.json)
                if told["state"]:  # not the line about one's own run above the page
                    return told
        return {}

    async def fetch(self, path: str) -> bytes:
        """A file of the server's, by the address that the page has of it."""
        url = urllib.parse.urlsplit(urllib.parse.urljoin(f"{self.address}/{self.page}", path))
        host, port = str(url.hostname), url.port
        target = url.path + (f"?{url.query}" if url.query else "")
        reader, writer = await asyncio.open_connection(host, port)
        try:
            head = f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            answer, _, content = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
            await writer.wait_closed()
        if b" 200 " not in answer.partition(b"\r\n")[0]:
            raise LookupError(f"{path}: {answer[:60]!r}")
        return content

    # -- what the browser does ----------------------------------------------------------------

    async def _ask(self, fragment: str = "", triggers: Sequence[WidgetState] = ()) -> float:
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._asked.append((time.perf_counter(), answered))
        await self._send(fragment, triggers)
        return await answered

    async def _send(
        self, fragment: str, triggers: Sequence[WidgetState] = (), automatic: bool = False
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.fragment_id, state.is_auto_rerun = self.query, fragment, automatic
        state.page_script_hash, state.page_name = self._place, "" if self._place else self.page
        state.cached_message_hashes.extend(self._kept)
        state.widget_states.widgets.extend([*self._states.values(), *triggers])
        state.context_info.url = f"{self.address}/{self.page}"
        await self.send(message)

    async def _listen(self) -> None:
        try:
            async for content in self._socket:
                assert isinstance(content, bytes)
                self._take(ForwardMsg.FromString(content))
        finally:  # nobody waits for an answer that cannot come
            for _, answered in self._asked:
                if not answered.done():
                    answered.set_exception(ConnectionError("The server is not there any more."))
            self._asked.clear()

    def _take(self, message: ForwardMsg) -> None:
        kind, metadata = message.WhichOneof("type"), message.metadata
        if kind == "ref_hash":
            kept = self._kept[message.ref_hash]
            message, kept.unused = kept.message, 0
            kind = message.WhichOneof("type")
        elif metadata.cacheable:
            self._kept[message.hash] = Kept(message)
        if kind == "new_session":
            self._begin(message)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "navigation":
            self._place = message.navigation.page_script_hash
        elif kind == "delta" and message.delta.HasField("new_element"):
            part = Part(message.delta.new_element, message.delta.fragment_id, self._run)
            self.parts[tuple(metadata.delta_path)] = part
            if _is(part, WATCH):
                self._watch(part)
            elif _is(part, FILM):
                self._play(part)
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_timer(fragment)
        elif kind == "script_finished":
            self._finish(message.script_finished)

    def _begin(self, message: ForwardMsg) -> None:
        run = message.metadata.run
        self._run, self._fragments = run.script_run_id, frozenset(run.fragment_ids)
        self._began = time.perf_counter()
        self._session = message.new_session.initialize.session_id or self._session
        if not self._fragments:
            self._place = message.new_session.page_script_hash
            for name in set(self._timers) - {WATCH, FILM}:
                self._stop_timer(name)

    def _finish(self, status: int) -> None:
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        now = time.perf_counter()
        self.finished.append(now)
        self.parts = {
            place: part
            for place, part in self.parts.items()
            if part.run == self._run or not self._concerns(part.fragment)
        }
        for kept in self._kept.values():
            kept.unused += self._concerns(kept.message.delta.fragment_id)
        self._kept = {name: kept for name, kept in self._kept.items() if kept.unused <= KEPT}
        # What is answered is what was asked before this run began: one under way is cut short.
        done = [asked for asked in self._asked if asked[0] <= self._began]
        self._asked = [asked for asked in self._asked if asked not in done]
        for sent, answered in done:
            if not answered.done():  # or nobody waits any more
                answered.set_result(now - sent)

    def _concerns(self, fragment: str) -> bool:
        """True where this run of the script draws what belongs to a fragment."""
        return not self._fragments or fragment in self._fragments

    # -- what asks again by itself ------------------------------------------------------------

    def _repeat(self, fragment: str, interval: float) -> None:
        """A fragment's `run_every`: the browser asks each time, whether or not it was answered."""

        async def repeat() -> None:
            while True:
                await asyncio.sleep(interval)
                await self._send(fragment, automatic=True)

        self._start_timer(fragment, repeat())

    def _watch(self, part: Part) -> None:
        """What `WATCH` does with new data: it waits, and longer the longer its answer took."""
        component = part.element.bidi_component
        if component.json == self._seen:
            return
        found, now = json.loads(component.json), time.perf_counter()
        took = now - self._ticked if self._ticked else 0.0
        self._seen, self._ticked = component.json, 0.0

        async def tick() -> None:
            await asyncio.sleep(max(found["every"] / 1000, min(PATIENCE * took, LONGEST)))
            self._ticked = time.perf_counter()
            await self._send(part.fragment, [_triggered(part, "tick", found["n"])])

        self._start_timer(WATCH, tick())

    def _play(self, part: Part) -> None:
        """What `FILM` does with the films that it is given."""
        found = json.loads(part.element.bidi_component.json)
        addresses = [one["address"] for one in found["films"]]
        if list(self.frames) == addresses:
            return
        self.frames = {address: [] for address in addresses}

        async def follow() -> None:
            open_films = set(addresses)
            while open_films:
                more, began = False, time.perf_counter()
                for address in sorted(open_films):
                    steps = self.frames[address]
                    after = steps[-1] if steps else -1
                    content = await self.fetch(f"{address}?after={after}")
                    said, new = _answer(content)
                    self.frames[address] = [*(s for s in steps if s in said["steps"]), *new]
                    if new:
                        self.refreshed.append(time.perf_counter())
                    more = more or said["more"]
                    if said["ended"] and not said["more"]:
                        open_films.remove(address)
                took = time.perf_counter() - began
                await asyncio.sleep(0 if more else max(EVERY, min(PATIENCE * took, LONGEST)))

        self._start_timer(FILM, follow())

    def _start_timer(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._stop_timer(name)
        self._timers[name] = asyncio.create_task(work)

    def _stop_timer(self, name: str) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()

    async def _end_timers(self) -> None:
        """Stop what asks by itself, and wait until it has let go of its connections."""
        tasks = list(self._timers.values())
        for name in list(self._timers):
            self._stop_timer(name)
        await asyncio.gather(*tasks, return_exceptions=True)


def _answer(content: bytes) -> tuple[dict[str, Any], list[int]]:
    """What an answer to `FILM` says, and the steps of its frames."""
    parts, at = [], 0
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at)
        parts.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    steps = []
    for frame in parts[1:]:
        (length,) = struct.unpack_from("<I", frame)
        steps.append(json.loads(frame[4 : 4 + length])["step"])
    return json.loads(parts[0]), steps


def _is(part: Part, component: str) -> bool:
    return part.element.bidi_component.component_name == component


def _triggered(part: Part, event: str, value: Any) -> WidgetState:
    widget = TRIGGERS.format(part.element.bidi_component.id)
    return WidgetState(id=widget, json_trigger_value=json.dumps([{"event": event, "value": value}]))
