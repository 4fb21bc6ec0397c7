"""Keeps out what any browser may send to Streamlit, and only who builds an app should.

Streamlit serves whoever speaks its protocol: one message empties the caches of everybody. No
setting turns that off, and hiding its menu does not; so it is taken out of what the websocket
brings.
"""

from __future__ import annotations

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

        async def let_in() -> Message:
            while True:
                message = await receive()
                if not refused(message.get("bytes") or b""):
                    return message

        await self.app(scope, let_in, send)


def refused(content: bytes) -> bool:
    """Whether a message is of a kind that is kept out; what is none is Streamlit's to refuse."""
    try:
        return BackMsg.FromString(content).WhichOneof("type") in REFUSED
    except DecodeError:
        return False
