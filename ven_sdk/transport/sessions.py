"""Kept-alive connections to VTNs for one TLS identity, and the one way to use them:
:meth:`Connections.post`.

Any thread may post; a connection is borrowed for one exchange and given back, never used by two
threads at a time. The caller's thread does all the work. No VEN's state is here, so VENs of one
identity may share an object.

**What is sent twice.** A poll takes something off the VTN's queue, so a message is repeated only
when it surely was not read: on a kept-alive connection that the VTN had closed before the message
came (``Wire.was_closed_before``), or that broke before the whole message was handed over. It is
then sent once more, on a fresh connection, within the same deadline. Everything else is the
caller's decision; ``TransportError.delivered`` tells what is known.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional, Union

from .._version import __version__
from ..arguments import LARGEST_MESSAGE
from ..errors import ConfigurationError, StateError
from .cookies import Cookies
from .dates import http_date
from .link import Link, Sending
from .route import Deadline, Route
from .service import check_proxies, proxy_of, service
from .wire import Wire

if TYPE_CHECKING:
    from .answers import Headers

ContextSource = Union[ssl.SSLContext, Callable[[], ssl.SSLContext], None]


class Reply(NamedTuple):
    """What the VTN answered. ``date`` is its ``Date`` header (aware UTC) or None; ``elapsed`` is in
    seconds.
    """

    status: int
    body: bytes
    date: Optional[datetime]
    elapsed: float


class Connections:
    """Connections of one TLS identity. Making one opens nothing; :meth:`close` leaves nothing open.

    ``ssl_context`` is what https needs, or a function that makes it when it is first needed.
    ``timeout`` (seconds) is for a whole exchange, from the look-up of the name to the last byte.
    ``proxies`` maps schemes to ``http://`` proxies; no environment variable, ``.netrc`` or CA
    bundle of ``requests`` has any effect. ``max_response_size`` (bytes) bounds the body while it is
    read. ``tls_check`` gets the certificate (DER) of each TLS peer before anything is sent, and
    raises to refuse it. ``max_idle`` connections are kept for ``max_idle_seconds`` after their last
    use.
    """

    def __init__(
        self,
        ssl_context: ContextSource = None,
        *,
        timeout: float = 30.0,
        proxies: Optional[Mapping[str, str]] = None,
        max_response_size: int = LARGEST_MESSAGE,
        tls_check: Optional[Callable[[bytes], None]] = None,
        max_idle: int = 1,
        max_idle_seconds: float = 120.0,
        user_agent: str = f"ven_sdk/{__version__}",
    ) -> None:
        check_proxies(proxies)
        self._source = ssl_context
        self._timeout = timeout
        self._proxies = dict(proxies) if proxies else None
        self._limit = max_response_size
        self._tls_check = tls_check
        self._max_idle = max_idle
        self._max_idle_seconds = max_idle_seconds
        self._agent = user_agent
        self._lock = threading.RLock()  # guards the four below; never held while the network runs
        self._idle: list[Link] = []  # the one used last is at the end
        self._busy: set[Link] = set()
        self._tickets: dict[Route, tuple[ssl.SSLContext, ssl.SSLSession]] = {}
        self._closed = False

    def post(
        self,
        url: str,
        body: bytes,
        sending_time: Optional[Callable[[], float]] = None,
        cookies: Optional[Cookies] = None,
        again: Optional[Callable[[], bytes]] = None,
        content_type: str = "application/xml",
    ) -> Reply:
        """POST ``body`` to ``url`` and return the answer, whose status is 200. ``sending_time`` is
        asked when the connection stands and nothing is sent yet: for how many seconds the message
        may be under way. ``cookies`` are sent along, and take up those that come. ``again`` gives
        what goes out in the place of ``body`` where that found a connection which the VTN had
        closed: signatures are of one sending (S6). ``content_type`` is what the protocol's
        messages are.

        TransportError is anything else, see its attributes; redirects are not followed (rule H5).
        SecurityError is what ``tls_check`` raised. ConfigurationError: no request can be made of
        ``url``. StateError: after :meth:`close`, and where ``sending_time`` said 0.
        """
        target = service(url, self._agent, proxy_of(url, self._proxies), content_type)
        deadline = Deadline(self._timeout)
        link = self._borrow(target.route)
        try:
            secure = target.route.secure
            cookie = None if cookies is None else cookies.header(target.path, secure)
            answer = link.exchange(Sending(target, body, deadline, cookie, sending_time, again))
        finally:
            self._give_back(link)
        if cookies is not None and "Set-Cookie" in answer.headers:
            cookies.take(_headers_named(answer.headers, "Set-Cookie"), target.path)
        return Reply(
            answer.status_code,
            answer.content,
            http_date(answer.headers.get("Date")),
            monotonic() - deadline.started,
        )

    def forget(self) -> None:
        """Make connections and TLS sessions anew from now on, with the settings as they are."""
        self.renew(self._source)

    def renew(self, ssl_context: ContextSource) -> None:
        """Use ``ssl_context`` from now on. Idle connections end now, busy ones with their
        exchange.
        """
        with self._lock:
            self._source = ssl_context
            idle, self._idle = self._idle, []
            for link in self._busy:
                link.is_wanted = False
            self._tickets.clear()
        _drop(idle)

    def close(self) -> None:
        """End all connections; exchanges that are under way fail at once. Twice is harmless."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = tuple(self._busy)
            self._tickets.clear()
        _drop(idle)
        for link in busy:
            link.cut()

    def reopen(self) -> None:
        """Allow posts again after :meth:`close`."""
        with self._lock:
            self._closed = False

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- borrowing --------------------------------------------------------------------------------
    def _borrow(self, route: Route) -> Link:
        with self._lock:
            if self._closed:
                raise StateError(
                    "The connections are closed: the client was stopped. Start it again to send."
                )
            link = self._take_idle(route) or Link(
                self._dial, self._retire, self._limit, self._timeout
            )
            self._busy.add(link)
        if link.wire is not None and monotonic() - link.wire.idle_since > self._max_idle_seconds:
            link.drop()  # routers forget silent connections, and tell nobody
        return link

    def _take_idle(self, route: Route) -> Optional[Link]:
        for index in range(len(self._idle) - 1, -1, -1):
            wire = self._idle[index].wire
            if wire is not None and wire.route == route:
                return self._idle.pop(index)
        return None

    def _give_back(self, link: Link) -> None:
        wire, now = link.wire, monotonic()
        with self._lock:
            self._busy.discard(link)
            if wire is None:
                return
            if link.is_wanted and not self._closed:
                wire.idle_since = now
                self._idle.append(link)
                surplus = self._too_many(now)
            else:
                surplus = [link]
        if surplus:
            _drop(surplus)

    def _too_many(self, now: float) -> list[Link]:
        first = max(len(self._idle) - self._max_idle, 0)
        surplus, rest = self._idle[:first], self._idle[first:]
        while (
            rest
            and rest[0].wire is not None
            and now - rest[0].wire.idle_since > self._max_idle_seconds
        ):
            surplus.append(rest.pop(0))
        if surplus:
            self._idle = rest
        return surplus

    # --- connecting and parting -------------------------------------------------------------------
    def _dial(self, wire: Wire, deadline: Deadline) -> None:
        if wire.route.secure:
            context = self._context()
            wire.open(deadline, context, lambda: self._ticket(wire.route, context), self._tls_check)
        else:
            wire.open(deadline)

    def _retire(self, wire: Wire) -> None:
        session = wire.session()
        if session is not None and wire.context is not None:
            with self._lock:
                if wire.context is self._source and not self._closed:
                    self._tickets[wire.route] = (wire.context, session)
        wire.close()

    def _context(self) -> ssl.SSLContext:
        source = self._source
        if source is None:
            raise ConfigurationError("An https:// address needs an SSLContext, and none was given.")
        if isinstance(source, ssl.SSLContext):
            return source
        context = source()
        with self._lock:
            if self._source is source:  # not renewed meanwhile
                self._source = context
        return context

    def _ticket(self, route: Route, context: ssl.SSLContext) -> Optional[ssl.SSLSession]:
        """A TLS session to resume. Each is used once: the new connection will bring its own, or it
        was no good.
        """
        with self._lock:
            made_with, session = self._tickets.pop(route, (None, None))
        return session if made_with is context else None


def _headers_named(headers: Headers, name: str) -> list[str]:
    """All headers of a name; a stand-in for the network has at most one."""
    several = getattr(headers, "get_all", None)
    return list(several(name) or ()) if several is not None else [headers[name]]


def _drop(links: list[Link]) -> None:
    for link in links:
        link.drop()
