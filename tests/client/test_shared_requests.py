"""A call that asks for what is on its way already gets an exchange of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import pytest

from ven_sdk import OpenADRClient
from ven_sdk.testing import LocalVTN
from ven_sdk.testing.vtn.faults import Slow

KINDS: dict[str, tuple[str, Callable[[OpenADRClient], object]]] = {
    "list of events": ("oadrRequestEvent", OpenADRClient.request_events),
    "registration": ("oadrCreatePartyRegistration", OpenADRClient.register),
}


@pytest.mark.parametrize("kind", KINDS)
def test_who_calls_while_the_message_is_on_its_way_waits_for_one_that_is_sent_later(
    kind: str,
) -> None:
    message, call = KINDS[kind]
    with LocalVTN() as vtn, OpenADRClient("ven", vtn.url, on_event="optIn", timeout=20) as client:
        vtn.wait_for("oadrPoll", timeout=10)
        mark = vtn.mark()
        vtn.fault(Slow(0.4, message=message, times=1))
        with ThreadPoolExecutor(3) as callers:
            first = callers.submit(call, client)
            vtn.wait_for(message, timeout=10, after=mark)
            later = [callers.submit(call, client) for _ in range(2)]
            for answer in (first, *later):
                answer.result(timeout=10)

        assert len(vtn.received_of(message, after=mark)) == 2
