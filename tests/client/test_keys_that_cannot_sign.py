"""A key or a library that fails at signing: nothing can be sent. It is said once, in words that
name the key; all that is owed stays owed, and goes out when the key serves again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from tests.shared import eventually
from ven_sdk import OpenADRClient, TransportError, VenError
from ven_sdk.oadr20b.security import signing
from ven_sdk.testing import LocalVTN

WHEN = datetime(2031, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(tls=True, check=False) as vtn:
        yield vtn


@pytest.mark.parametrize("fault", [ValueError("digest too big"), MemoryError(), AssertionError()])
def test_what_is_owed_while_nothing_can_be_signed_goes_out_afterwards(
    fault: Exception,
    vtn: LocalVTN,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "ven_sdk")
    cert, told = vtn.client_cert("v"), list[VenError]()
    client = OpenADRClient(
        "v",
        vtn.url,
        cert=cert.cert,
        key=cert.key,
        ca_file=vtn.ca_file,
        poll_frequency=0.2,
        timeout=2,
        on_event="optIn",
    )
    client.on_error = told.append
    client.start(wait=10)

    def fail(*_: object) -> bytes:
        raise fault

    # what was signed before is answered: a trouble ends with an answer, and the next is another one
    eventually(lambda: not client._engine.conversation.is_exchanging, "a moment between two polls")
    with monkeypatch.context() as broken:
        broken.setattr(signing, "raw_signature", fail)
        with pytest.raises(TransportError) as raised:
            client.create_opt("optOut", "economic", vavailability=[(WHEN, 60)])
        vtn.add_event(event_id="e1")
    assert "cannot be signed" in str(raised.value.__cause__)
    assert raised.value.opt_id and "stays owed" in str(raised.value)

    eventually(lambda: [one.opt_type for one in vtn.answers] == ["optIn"], "the event's answer")
    eventually(lambda: [one for ven in vtn.vens.values() for one in ven.opts], "the opt")
    client.stop()
    lines = [line for line in caplog.messages if "cannot be signed" in line]
    assert len(lines) == len(told) == 1 and type(fault).__name__ in lines[0]
    assert "fault of ven_sdk" not in caplog.text
