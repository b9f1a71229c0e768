"""An ID of nothing but blanks identifies nothing: in each message, for each field."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Optional

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent, first, payload, report_request
from ven_sdk import ConfigurationError, OpenADRClient

BLANKS = [" ", "\t\n ", "&#160;", "&#x3000;"]
REGISTRATION = "oadrCreatePartyRegistration"


@contextlib.contextmanager
def blanking(message: str, *elements: str, blank: str = " ") -> Iterator[SimulatedVen]:
    """A VEN whose VTN answers ``message`` with ``blank`` as the IDs in ``elements``."""
    with contextlib.closing(SimulatedVen(1)) as world:
        right = world.vtn.answer

        def answer(name: str, text: str) -> bytes:
            reply = right(name, text).decode()
            for element in elements if name == message else ():
                reply = re.sub(rf"ei:{element}>[^<]*<", f"ei:{element}>{blank}<", reply)
            return reply.encode()

        world.vtn.answer = answer  # type: ignore[method-assign]
        yield world


def add_event(world: SimulatedVen, event_id: str) -> None:
    start = world.clock.now().replace(microsecond=0) + timedelta(hours=5)
    world.vtn.events[event_id] = VTNEvent(event_id, start, 600)


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("element", ["registrationID", "venID"])
def test_a_registration_with_a_blank_id_is_none(element: str, blank: str) -> None:
    with blanking(REGISTRATION, element, blank=blank) as world:
        world.start()
        world.run(60)

        assert world.ven.status.state == "connecting"
        names = [name for _, name, _ in world.vtn.sent]
        assert 2 <= names.count(REGISTRATION) <= 9
        assert "oadrPoll" not in names


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_ids_of_the_query_are_absent(blank: str) -> None:
    with blanking("oadrQueryRegistration", "vtnID", blank=blank) as world:
        sent: list[str] = []
        take_in = world.vtn._oadrCreatePartyRegistration
        world.vtn._oadrCreatePartyRegistration = lambda text: (  # type: ignore[method-assign]
            sent.append(text) or take_in(text)
        )
        world.start()
        world.run(30)

        assert world.ven.status.state == "registered"
        assert not first("registrationID", sent[0]) and not first("venID", sent[0])


def test_a_blank_vtn_id_is_no_other_vtn() -> None:
    with blanking("", "vtnID") as world:
        add_event(world, "e")
        world.start()
        world.run(30)
        opted = world.vtn.record.answers
        world.stop()
        right = world.vtn.answer
        world.vtn.answer = lambda name, text: (  # type: ignore[method-assign]
            right(name, text).replace(b"<ei:vtnID>vtn<", b"<ei:vtnID> <")
            if "Registration" in name
            else right(name, text)
        )
        world.start()
        world.run(30)

        assert [event.event_id for event in world.ven.events] == ["e"]
        assert len(opted) == 1


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_opt_id_in_the_answer_names_no_other_opt(blank: str) -> None:
    with blanking("oadrCreateOpt", "optID", blank=blank) as world:
        world.start()
        world.run(30)
        window = {"dtstart": world.clock.now() + timedelta(days=9), "duration": 60}

        assert world.ven.create_opt("optOut", "economic", vavailability=[window], opt_id="o")


@pytest.mark.parametrize("blank", BLANKS)
def test_an_event_with_a_blank_id_is_refused_and_the_one_beside_it_served(blank: str) -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        for event_id in (blank, "good"):
            add_event(world, event_id)
        world.start()
        world.run(30)

        assert [event.event_id for event in world.ven.events] == ["good"]
        assert [key[0] for key in world.vtn.record.answers if key[0].strip()] == ["good"]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_request_with_a_blank_id_is_refused(blank: str) -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.start()
        world.run(30)
        answered = poll_brings(world, "oadrCreateReport", blank, None)

        assert first("responseCode", answered) == "452"
        assert not first("reportRequestID", answered)


def test_a_message_for_a_blank_ven_is_for_this_one() -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.start()
        world.run(30)
        answered = poll_brings(world, "oadrCreateReport", "rq", " ")

        assert first("responseCode", answered) == "200"


def poll_brings(world: SimulatedVen, name: str, request: str, ven_id: Optional[str]) -> str:
    """The oadrCreatedReport that answers a polled request of that ID for that VEN."""
    told: list[str] = []
    specifier = world.vtn.record.catalogue[0]
    message = payload(
        name,
        "<pyld:requestID>q</pyld:requestID>"
        + report_request(request, specifier, "p", 10, 10)
        + (f"<ei:venID>{ven_id}</ei:venID>" if ven_id else ""),
    )
    poll, answer = world.vtn._oadrPoll, world.vtn.answer
    world.vtn._oadrPoll = lambda text: poll(text) if told else message  # type: ignore[method-assign]

    def note(name: str, text: str) -> bytes:
        if name == "oadrCreatedReport":
            told.append(text)
        return answer(name, text)

    world.vtn.answer = note  # type: ignore[method-assign]
    world.run(30)
    return told[0]


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u3000"])
@pytest.mark.parametrize("name", ["ven_id", "registration_id", "store", "ven_name"])
def test_a_blank_argument_is_refused(name: str, blank: str) -> None:
    with pytest.raises(ConfigurationError):
        OpenADRClient(**{"ven_name": "v", "vtn_url": "http://127.0.0.1:9", name: blank})
