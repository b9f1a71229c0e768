"""A blocking call returns what happened at the VTN in its own exchange: two threads that call at
once hold two tickets, and neither gets the other's answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any, Callable

import pytest

from ven_sdk import OpenADRClient, ProtocolError, StateError, TransportError
from ven_sdk.testing import LocalVTN, Refuse, Status

WINDOW = [{"dtstart": datetime(2031, 1, 1, tzinfo=timezone.utc), "duration": 3600}]
WAIT = 10.0


class Site:
    """A running client, and two threads that call it. The first message of a kind can be held on
    its way.
    """

    def __init__(self, vtn: LocalVTN, pool: ThreadPoolExecutor) -> None:
        self.vtn, self.pool = vtn, pool
        self.held, self.leave, self.kind = threading.Event(), threading.Event(), ""
        self.client = OpenADRClient(
            "v", vtn.url, poll_frequency=0.1, allow_jitter=False, timeout=WAIT, on_event="optIn"
        )
        self.client.add_hook("before_send_xml", self.hold)

    def hold(self, text: Any) -> None:
        if self.kind and self.kind in str(text):
            self.kind = ""
            self.held.set()
            assert self.leave.wait(WAIT)

    def call_while_another_is_under_way(
        self, kind: str, first: Callable[[], Any], second: Callable[[], Any]
    ) -> tuple["Future[Any]", "Future[Any]"]:
        """Both calls, done: the second was made while the message of the first was under way."""
        self.kind = kind
        early = self.pool.submit(first)
        assert self.held.wait(WAIT)
        late = self.pool.submit(second)
        tickets = self.client._engine.tickets
        assert self.client._engine.wait(lambda: len(tickets) == 2 or late.done(), WAIT)
        self.leave.set()
        for call in (early, late):
            call.exception(WAIT)
        return early, late

    def create_opt(self, opt_type: str) -> str:
        return self.client.create_opt(opt_type, "economic", vavailability=WINDOW, opt_id="o")


@pytest.fixture
def site() -> Iterator[Site]:
    with LocalVTN(check=False) as vtn, ThreadPoolExecutor(2) as pool:
        found = Site(vtn, pool)
        found.client.start(wait=WAIT)
        yield found
        found.leave.set()
        found.client.stop(2)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("oadrRequestEvent", "request_events"), ("oadrCreatePartyRegistration", "register")],
)
def test_each_of_two_calls_at_once_has_an_exchange_that_began_after_it(
    site: Site, kind: str, name: str
) -> None:
    call = getattr(site.client, name)
    before = site.vtn.counts[kind]

    early, late = site.call_while_another_is_under_way(kind, call, call)

    assert (early.exception(), late.exception()) == (None, None)
    assert site.vtn.counts[kind] == before + 2


def test_the_answer_to_one_opt_is_not_the_answer_to_the_one_that_replaces_it(site: Site) -> None:
    site.vtn.fault(Refuse("459", message="oadrCreateOpt", times=1))

    early, late = site.call_while_another_is_under_way(
        "oadrCreateOpt", lambda: site.create_opt("optOut"), lambda: site.create_opt("optIn")
    )

    assert isinstance(early.exception(), ProtocolError)
    assert late.result() == "o"
    (ven,) = site.vtn.vens.values()
    assert [opt.opt_type for opt in ven.opts.values()] == ["optIn"]


@pytest.mark.parametrize("second", ["optOut", "optIn", "withdrawn"])
def test_an_opt_that_gave_way_before_it_was_sent_is_not_said_to_be_made(
    site: Site, second: str
) -> None:
    site.vtn.fault(Status(503, service="EiOpt", times=1))
    early = site.pool.submit(site.create_opt, "optOut")
    client = site.client
    assert client._engine.wait(lambda: client.status.services["EiOpt"].state == "failing", WAIT)

    if second == "withdrawn":
        client.cancel_opt("o")
    else:
        site.create_opt(second)

    with pytest.raises(StateError, match="something else took its place"):
        early.result(WAIT)
    (ven,) = site.vtn.vens.values()
    assert [opt.opt_type for opt in ven.opts.values()] == [second] * (second != "withdrawn")


@pytest.mark.parametrize("code", ["", "459"])
def test_two_threads_that_want_the_same_opt_withdrawn_share_its_withdrawal(
    site: Site, code: str
) -> None:
    site.create_opt("optOut")
    if code:
        site.vtn.fault(Refuse(code, message="oadrCancelOpt"))

    calls = site.call_while_another_is_under_way(
        "oadrCancelOpt", lambda: site.client.cancel_opt("o"), lambda: site.client.cancel_opt("o")
    )

    assert site.vtn.counts["oadrCancelOpt"] == 1
    assert [getattr(one.exception(), "response_code", "") for one in calls] == [code, code]


@pytest.mark.parametrize("code", ["", "459"])
def test_two_threads_that_end_the_registration_share_its_end(site: Site, code: str) -> None:
    if code:
        site.vtn.fault(Refuse(code, message="oadrCancelPartyRegistration"))

    calls = site.call_while_another_is_under_way(
        "oadrCancelPartyRegistration",
        site.client.cancel_registration,
        site.client.cancel_registration,
    )

    assert site.vtn.counts["oadrCancelPartyRegistration"] == 1
    assert [getattr(one.exception(), "response_code", "") for one in calls] == [code, code]
    assert site.client.status.state == ("registered" if code else "unregistered")


@pytest.mark.parametrize("status", [404, 501])
@pytest.mark.parametrize(
    "call, message",
    [
        (OpenADRClient.register, "oadrCreatePartyRegistration"),
        (OpenADRClient.request_events, "oadrRequestEvent"),
    ],
)
def test_a_service_that_is_not_there_ends_the_call_at_once_and_is_tried_again(
    call: Callable[[OpenADRClient], Any], message: str, status: int
) -> None:
    with LocalVTN() as vtn:
        client = OpenADRClient("v", vtn.url, timeout=WAIT, poll_frequency=0.1, on_event="optIn")
        client.start(wait=WAIT)
        vtn.fault(Status(status, message=message, times=1))
        begun = time.monotonic()
        with pytest.raises(TransportError, match="tried again") as caught:
            call(client)
        took = time.monotonic() - begun
        client.stop()

    assert caught.value.status == status and took < WAIT / 2


def test_a_call_that_ends_with_the_client_says_so() -> None:
    with LocalVTN() as vtn:
        client = OpenADRClient("v", vtn.url, timeout=WAIT, poll_frequency=0.1, on_event="optIn")
        client.start(wait=WAIT)
        vtn.fault(Status(503, service="EiOpt"))
        threading.Timer(0.3, client.stop).start()
        with pytest.raises(TransportError, match="the client was stopped before the VTN answered"):
            client.create_opt("optOut", "economic", vavailability=WINDOW)
