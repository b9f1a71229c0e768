"""VENs that break one rule each: our client, with what it sends or gets changed on its way.

``sends(record)`` gives what goes out instead: a record, several, or nothing, which the client takes
for acknowledged. ``gets(sent, reply)`` gives what the client is told. Both see records, in order.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import urllib.request
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Callable, Optional, Union

from ven_sdk import OpenADRClient, TransportError, objects
from ven_sdk.cli.certify.sources import FunctionVen
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.schema.registration import Response
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.schema.common import Payload
from ven_sdk.transport.sessions import Reply

Sends = Callable[[Any], Union[Payload, Sequence[Payload], None]]
Gets = Callable[[Any, Any], Optional[Payload]]
RATE = objects.SamplingRate(timedelta(seconds=2), timedelta(minutes=1), False)
OK = EiResponse(response_code="200", request_id="")


def read(body: bytes) -> Payload:
    """The record of a message."""
    root = parsing.parse(body, max_bytes=2**24)
    return reader.read(envelope.payload_of(root)).record


class Meddling:
    """Stands in the place of a client's connections."""

    def __init__(
        self, connections: Any, sends: Optional[Sends], gets: Optional[Gets], flaws: Sequence[str]
    ) -> None:
        self._connections, self._sends, self._gets = connections, sends, gets
        self._flaws = flaws
        self._given_up: Optional[TransportError] = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connections, name)

    def post(self, url: str, body: bytes, *more: Any) -> Reply:
        if self._given_up is not None:
            raise self._given_up
        for _ in range(self._attempts(url)):
            try:
                return self._post(url, body, *more)
            except TransportError as error:
                last = error
        return self._fail(last, url, body)

    def _attempts(self, url: str) -> int:
        if "stubborn at registration" in self._flaws:
            return 4 if url.endswith("EiRegisterParty") else 1
        return 4 if {"stubborn", "resends"} & {*self._flaws} else 1

    def _fail(self, error: TransportError, url: str, body: bytes) -> Reply:
        if "impatient" in self._flaws:
            error.retry_after = None
        if "gives up" in self._flaws and error.status is None:
            self._given_up = error
        if "falls back" in self._flaws and url.startswith("https:"):
            plain = urllib.request.Request(url.replace("https:", "http:"), body)
            plain.add_header("Content-Type", "application/xml")
            with contextlib.suppress(OSError, http.client.HTTPException):
                urllib.request.urlopen(plain, timeout=0.3).close()
        raise error

    def _post(self, url: str, body: bytes, *more: Any) -> Reply:
        if "odd heads" in self._flaws and url.endswith("OadrPoll"):
            request = urllib.request.Request(url, body, {"Content-Type": "text/html"})
            with urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()
        sent = read(body)
        changed = sent if self._sends is None else self._sends(sent)
        if changed is None:
            made = Response(response=OK, ven_id=getattr(sent, "ven_id", None))
            return Reply(200, envelope.message(made), None, 0.0)
        reply, resends = None, "resends" in self._flaws  # without what signs anew
        for record in [changed] if isinstance(changed, Payload) else changed:
            place = f"{url.rpartition('/')[0]}/{record.service}" if record.service else url
            data = body if record is sent else envelope.message(record)
            if "unversioned" in self._flaws:
                data = data.replace(b' ei:schemaVersion="2.0b"', b"")
            reply = self._connections.post(place, data, *(more[:2] if resends else more))
        assert reply is not None
        if "undated" in self._flaws:
            reply = reply._replace(date=None)
        if self._gets is None:
            return reply
        told = self._gets(sent, read(reply.body) if reply.body else None)
        return reply._replace(body=b"" if told is None else envelope.message(told))


class Unprotected:
    """Stands in the place of a client's verifier, and does without ReplayProtect."""

    def __init__(self, verifier: Any) -> None:
        self._verifier = verifier

    def __getattr__(self, name: str) -> Any:
        return getattr(self._verifier, name)

    def verify(self, root: Any, now: Any) -> Any:
        is_signed = root.find(".//{*}Signature") is not None
        if is_signed and root.find(".//{*}ReplayProtect") is None:
            return root
        return self._verifier.verify(root, now)


def keeping(**arguments: Any) -> OpenADRClient:
    """A client that keeps the rules, with a point of each kind."""
    client = OpenADRClient("certified", "http://vtn.example", on_event="optIn", **arguments)
    usual: dict[str, Any] = {"resource_id": "meter", "report_type": "usage", "sampling_rate": RATE}
    client.add_report(lambda: 5.0, measurement="powerReal", unit="W", r_id="power", **usual)
    client.add_report(lambda: 2.0, measurement="energyReal", unit="Wh", r_id="energy", **usual)
    client.add_report(
        lambda: objects.ResourceStatus(True, False),
        resource_id="meter",
        report_name="TELEMETRY_STATUS",
        r_id="status",
        sampling_rate=2,
    )
    client.add_report(
        history,
        resource_id="meter",
        measurement="energyReal",
        unit="Wh",
        r_id="log",
        report_name="HISTORY_USAGE",
        report_type="usage",
        report_duration=timedelta(days=1),
        sampling_rate=60,
        data_collection_mode="full",
    )
    return client


def history(date_from: Any, date_to: Any, sampling_interval: Any) -> Any:
    """A log of one value a minute."""
    moment = date_from
    while moment < date_to:
        yield moment, 1.0
        moment += max(sampling_interval, timedelta(minutes=1))


class BrokenVen(FunctionVen):
    """A source whose client breaks a rule. ``make``: another client than :func:`keeping`."""

    def __init__(
        self,
        sends: Optional[Sends] = None,
        gets: Optional[Gets] = None,
        *,
        make: Callable[..., OpenADRClient] = keeping,
        flaws: Sequence[str] = (),
        **arguments: Any,
    ) -> None:
        self._flaws = flaws
        super().__init__("broken", lambda: self._broken(make(**arguments), sends, gets))

    def _broken(
        self, client: OpenADRClient, sends: Optional[Sends], gets: Optional[Gets]
    ) -> OpenADRClient:
        identity = client._lifecycle.identity
        flaws = self._flaws
        if "only GCM" in flaws or "trusting" in flaws:
            identity.connections.renew(_context(identity, trusting="trusting" in flaws))
        if "credulous" in flaws:
            identity.verifier = None
            client._engine.profile.exchange._strict = False  # type: ignore[attr-defined]
        if "unprotected" in flaws and identity.verifier is not None:
            identity.verifier = Unprotected(identity.verifier)  # type: ignore[assignment]
        meddling = Meddling(identity.connections, sends, gets, self._flaws)
        identity.connections = meddling  # type: ignore[assignment]
        return client


def _context(identity: Any, *, trusting: bool) -> ssl.SSLContext:
    """TLS that trusts everybody, or speaks no suite of the standard."""
    context: ssl.SSLContext = identity._context(identity.credentials)
    if trusting:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE+AESGCM")
    return context


def change(kind: str, **changes: Any) -> Sends:
    """Every message of that wire name goes out with these fields."""
    return lambda record: record.replace(**changes) if record.wire_name == kind else record


def alter(kind: str, how: Callable[[Any], Any]) -> Sends:
    """Every message of that wire name goes out as ``how`` makes it."""
    return lambda record: how(record) if record.wire_name == kind else record


def drop(kind: str, skip: int = 0) -> Sends:
    """Messages of that wire name are not sent, after ``skip`` of them."""
    left = [skip]

    def sends(record: Any) -> Any:
        if record.wire_name != kind:
            return record
        left[0] -= 1
        return record if left[0] >= 0 else None

    return sends


def deaf(kind: str) -> Gets:
    """The client never hears messages of that wire name."""
    return lambda sent, reply: (
        Response(response=OK) if reply is not None and reply.wire_name == kind else reply
    )


def told(kind: str, how: Callable[[Any], Any]) -> Gets:
    """The client is told messages of that wire name otherwise."""
    return lambda sent, reply: (
        how(reply) if reply is not None and reply.wire_name == kind else reply
    )
