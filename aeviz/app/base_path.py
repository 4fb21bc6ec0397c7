"""Tells the browser where the app lies, so that a link to a page asks for nothing in vain.

Streamlit's own JavaScript cannot know whether /train is a page of the app or a folder that the app
is served below. It asks for /train/_stcore/health first, and two 404s stand in the console.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# All pages lie side by side, also below a path that a proxy takes away: "." is right for each.
SCRIPT = (
    b"<script>{const base = new URL('.', location.href).href;"
    b"window.__streamlit = {BACKEND_BASE_URL: base, MAIN_PAGE_BASE_URL: base,"
    b" ...window.__streamlit};}</script>"
)


class BasePath:
    """ASGI middleware that puts a script into the page before Streamlit's own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and whole pages with the script in them."""
        headers: dict[bytes, bytes] = dict(scope.get("headers", []))
        if scope["type"] != "http" or b"text/html" not in headers.get(b"accept", b""):
            await self.app(scope, receive, send)
            return
        # Not packed, or there would be nothing to find the place in.
        plain = [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]
        first: dict[str, Any] = {}
        parts: list[bytes] = []

        async def put_in(message: Message) -> None:
            if message["type"] == "http.response.start":
                first.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts).replace(b"<head>", b"<head>" + SCRIPT, 1)
            length = [(b"content-length", str(len(body)).encode())] if body else []
            kept = [
                (k, v) for k, v in first["headers"] if k.lower() != b"content-length" or not body
            ]
            await send(first | {"headers": kept + length})
            await send({"type": "http.response.body", "body": body})

        await self.app({**scope, "headers": plain}, receive, put_in)
