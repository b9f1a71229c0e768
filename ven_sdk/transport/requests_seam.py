"""An adapter of ``requests`` that leaves the exchange to us: the only place that knows what
``HTTPAdapter.send`` calls.

``send`` is called as it is, which is where test libraries such as ``responses`` step in. That
leaves out what ``Session.request`` and urllib3's pools do for each request: merging settings and
cookies, redirects, retries.
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry, Timeout

from .answers import Answer

_NO_RETRIES = Retry(0, read=False)
_NO_TIMEOUT: Any = Timeout(None)  # the deadline is ours


class Adapter(HTTPAdapter):
    """Gives requests to whoever makes the exchange; for one thread at a time."""

    def __init__(self) -> None:
        super().__init__(max_retries=_NO_RETRIES)
        self._exchange: Optional[Callable[[], Answer]] = None

    def pass_on(
        self, request: requests.PreparedRequest, exchange: Callable[[], Answer]
    ) -> Union[Answer, requests.Response]:
        """What ``exchange()`` brings, or the ``requests.Response`` of what stands in for the
        network. Errors of ``exchange`` come through as they are.
        """
        self._exchange = exchange
        try:
            return self.send(request, timeout=_NO_TIMEOUT)
        finally:
            self._exchange = None

    # --- what HTTPAdapter.send calls --------------------------------------------------------------
    def urlopen(self, *_: object, **__: object) -> Answer:
        """The exchange itself: the pool that ``send`` asks for is the adapter."""
        assert self._exchange is not None
        return self._exchange()

    def init_poolmanager(self, *_: object, **__: object) -> None:
        """No pools: this adapter is its own."""

    def get_connection_with_tls_context(self, *_: object, **__: object) -> Any:
        return self

    def get_connection(self, *_: object, **__: object) -> Any:
        return self  # its name in requests before 2.32

    def cert_verify(self, *_: object, **__: object) -> None:
        """Trust is in the SSLContext; what ``requests`` would take from the environment is not."""

    def request_url(self, request: requests.PreparedRequest, *_: object) -> str:
        return request.url or ""  # not used: the head of the message is prepared

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> Any:
        if not isinstance(resp, Answer):
            return super().build_response(req, resp)  # a stand-in's
        resp.request, resp.url = req, req.url
        return resp

    def close(self) -> None:
        """There is no pool to close."""
