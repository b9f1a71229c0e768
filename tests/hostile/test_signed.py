"""Every way in which a signed message can be wrong, in the place of a poll's reply to a client with
vtn_fingerprint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from lxml import etree

from tests.hostile.stage import EVIL, PATIENCE, Stage, eventually, threads_of
from tests.oadr20b.security import forge, test_verification
from tests.oadr20b.security.forge import Forge
from tests.oadr20b.security.test_verification import BAD, GOOD, VTN, WRAPPED
from ven_sdk.errors import SecurityError
from ven_sdk.testing import LocalVTN, pki

pytestmark = (
    pytest.mark.keeps_threads
)  # one stage serves all rows; it looks after its threads itself


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(
        LocalVTN(sign=True, verify=False, identity=VTN), vtn_fingerprint=VTN.fingerprint
    ) as stage:
        stage.answers_a_good_event()
        yield stage
        assert stage.keeps_to_its_threads(), threads_of()
    eventually(lambda: threads_of() == [], "all threads to end")


@pytest.fixture
def event_body(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """The forge's messages hold an event that would be believed. Its venID tells messages apart."""
    stage.settle()
    event_id = f"{EVIL}-{next(stage._numbers)}"
    body = stage.evil_list(event_id=event_id).decode().partition("?>\n")[2].replace("%", "%%")
    body = body.replace("<ei:venID>ven-7</ei:venID>", "<ei:venID>%s</ei:venID>", 1)
    assert body.count("%s") == 1
    monkeypatch.setattr(forge, "BODY", body)
    monkeypatch.setattr(test_verification, "BODY", body)
    return event_id


OLD, EARLY = pki.expired("vtn"), pki.not_yet_valid("vtn")
ALSO_BAD: dict[str, Callable[[], Any]] = {
    "signed by an expired certificate": lambda: Forge(OLD).sign(),
    "signed by a certificate of the future": lambda: Forge(EARLY).sign(),
    "a self-signed certificate of the same name": lambda: Forge(pki.self_signed("vtn")).sign(),
}
ROWS = {**BAD, **WRAPPED, **ALSO_BAD}
WORDS = {
    "stripped": "is not signed",
    "body changed": "Digest mismatch",
    "HMAC under the public certificate": "hmac-sha256",
    "SHA-1 digests": "sha1",
    "a reference to a URL": "leads elsewhere",
    "an XSLT transform": "which is not accepted",
    "an old timestamp": "s old, but replay_window is 60 s",
    "a timestamp in the future": "s in the future, but",
    "another's key": "has fingerprint .*, but vtn_fingerprint is",
    "ReplayProtect missing": "no signed ReplayProtect",
}


@pytest.mark.parametrize("kind", ROWS)
def test_what_is_not_rightly_signed_moves_nothing_and_the_next_event_is_answered(
    stage: Stage, event_body: str, kind: str
) -> None:
    words = WORDS.get(kind, "The message was discarded|was seen before")

    seen = stage.deliver(etree.tostring(ROWS[kind]()))

    assert seen.moved == {}
    assert isinstance(seen.error, SecurityError) and re.search(words, str(seen.error)), seen.error
    assert "The reply to poll was refused" in "".join(stage.warnings())
    stage.answers_a_good_event()


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_merely_unusual_is_handled_and_answered(
    stage: Stage, event_body: str, kind: str
) -> None:
    reply = etree.tostring(GOOD[kind]())

    stage.vtn.reply_once(reply)

    eventually(lambda: event_body in stage.told, f"{kind} to be handled", PATIENCE)
    stage.told.remove(event_body)
    stage.vtn.wait_for(
        "oadrCreatedEvent",
        where=lambda record: (
            event_body in {response.event_id for response in record.event_responses}
        ),
    )
    stage.poll_at_once()  # the VTN knows nothing of it: gone from the list
    eventually(
        lambda: event_body not in {event.event_id for event in stage.client.events},
        "the event to be gone",
    )


def test_the_same_message_a_second_time_moves_nothing(stage: Stage) -> None:
    stage.settle()
    with stage.vtn.fault("replay", service="OadrPoll"):
        eventually(
            lambda: "seen before" in str(stage.client.status.last_error), "the replay to be refused"
        )
    stage.answers_a_good_event()
