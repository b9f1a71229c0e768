"""Stands between the network and openleadr's VTN: records every exchange, and replaces replies
where a test asks.

An aiohttp middleware of the peer process, on its event loop. What the messages say is read by
``openleadr_wire``.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import defaultdict, deque
from collections.abc import Awaitable
from datetime import datetime, timezone
from typing import Any, Callable, Optional

import openleadr_wire as wire
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Tell = Callable[[str, dict[str, Any]], None]

asking_ven: contextvars.ContextVar[Optional[str]] = contextvars.ContextVar(
    "asking_ven", default=None
)
"""The venID of the request that is being handled: openleadr does not tell all of its handlers."""


class Watch:
    """Tells every exchange to ``tell(kind, facts)``, after openleadr handled it and before the
    reply leaves.

    ``settled`` is called in between, for what has to be durable before the VEN hears of it.
    """

    def __init__(self, tell: Tell, *, settled: Callable[[str], None], bodies: bool) -> None:
        self._tell = tell
        self._settled = settled
        self._bodies = bodies
        self._instead: dict[str, deque[dict[str, Any]]] = defaultdict(deque)

    def instead(self, service: str, reply: dict[str, Any]) -> None:
        """Replace the reply to the next request to ``service`` that nothing was prepared for yet.

        ``handled``: openleadr handles the request first, and its reply is lost. ``delay``: seconds
        of silence before. ``drop``: the connection is cut. Otherwise ``body``, ``status`` and
        ``headers`` are what the VEN gets.
        """
        self._instead[service].append(reply)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """One exchange from its first byte to the reply."""
        body = await self._body(request)
        asked = wire.message(body)
        asking_ven.set(wire.common(asked, None)["ven_id"])
        before = self._moment()
        prepared = self._prepared(request)
        response = await self._response(request, handler, prepared)
        self._settled(wire.kind(asked))
        self._record(request, body, asked, before, response)
        if prepared is not None and prepared.get("drop") and request.transport is not None:
            request.transport.abort()
        return response

    @staticmethod
    async def _body(request: web.Request) -> bytes:
        # A body beyond aiohttp's limit is left for openleadr to stumble over, as it does without
        # this middleware.
        too_long = (request.content_length or 0) > request.app._client_max_size
        return b"" if too_long else await request.read()

    def _prepared(self, request: web.Request) -> Optional[dict[str, Any]]:
        waiting = self._instead[request.path.rpartition("/")[2]]
        return waiting.popleft() if waiting else None

    @staticmethod
    async def _response(
        request: web.Request, handler: Handler, prepared: Optional[dict[str, Any]]
    ) -> web.Response:
        if prepared is None:
            return await _of_openleadr(request, handler)
        if prepared.get("handled"):
            await _of_openleadr(request, handler)
        if prepared.get("delay"):
            await asyncio.sleep(prepared["delay"])
        return web.Response(
            text=prepared.get("body") or "",
            status=prepared.get("status") or 200,
            headers=prepared.get("headers"),
            content_type="application/xml",
        )

    def _record(
        self,
        request: web.Request,
        body: bytes,
        asked: Any,
        before: dict[str, Any],
        response: web.Response,
    ) -> None:
        reply = wire.message((response.text or "").encode())
        common = {
            **wire.common(asked, reply),
            "status": response.status,
            "service": request.path.rpartition("/")[2],
            **before,
        }
        if self._bodies:
            self._tell(
                "exchange",
                {
                    **common,
                    "message": wire.kind(asked),
                    "request": body.decode("utf-8", "replace"),
                    "response": response.text,
                },
            )
        self._tell(wire.kind(asked), common)
        for kind, facts in wire.facts(asked, reply):
            self._tell(kind, {**common, **facts})

    @staticmethod
    def _moment() -> dict[str, Any]:
        return {"at": datetime.now(timezone.utc), "monotonic": time.monotonic()}


async def _of_openleadr(request: web.Request, handler: Handler) -> web.Response:
    try:
        response = await handler(request)
    except web.HTTPException as status:
        return web.Response(status=status.status, text=status.text)
    except Exception as crash:  # what escapes openleadr, aiohttp answers with 500
        return web.Response(status=500, text=repr(crash))
    assert isinstance(response, web.Response)
    return response
