"""Keeps out what a browser sends to Streamlit and had better not.

Streamlit serves whoever speaks its protocol: one message empties the caches of everybody. No
setting turns that off, and hiding its menu does not; so it is taken out of what the websocket
brings.

And a part of a page that still draws itself anew while a person goes to the next page asks for the
old one. Streamlit joins both requests into one, for the page that came last: the person's tap was
lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

REFUSED = frozenset({"clear_cache", "set_run_on_save", "load_git_info"})
"""Kinds of messages: for everybody's caches, for files that change, and about the repository."""


class Door:
    """ASGI middleware that hears each message of a websocket before Streamlit does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but messages that are refused."""
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return

        way = Way()

        async def let_in() -> Message:
            while True:
                message = await receive()
                if way.lets_in(message.get("bytes") or b""):
                    return message

        await self.app(scope, let_in, send)


@dataclass
class Way:
    """One person's way through the pages, as the messages of a websocket tell it.

    here, left: Streamlit's hashes of the page that is shown and of the one before.
    """

    here: str = ""
    left: str = ""

    def lets_in(self, content: bytes) -> bool:
        """Whether a message is passed on; what is none is Streamlit's to refuse."""
        try:
            message = BackMsg.FromString(content)
        except DecodeError:
            return True
        kind = message.WhichOneof("type")
        return kind not in REFUSED and (kind != "rerun_script" or self._follow(message))

    def _follow(self, message: BackMsg) -> bool:
        asked = message.rerun_script
        page = asked.page_script_hash
        if asked.fragment_id and page == self.left != "":
            return False  # a part of a page that the person has left
        if page != self.here:
            self.here, self.left = page, self.here
        return True
