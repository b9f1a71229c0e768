"""LocalVTN registers VENs as rules R1 to R17 say, and refuses the others."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from lxml import etree

from tests.testing.small_ven import SmallVen
from ven_sdk.errors import ConfigurationError, StateError
from ven_sdk.objects import (
    CanceledPartyRegistration,
    CancelPartyRegistration,
    EiResponse,
    Poll,
    QueryRegistration,
    Response,
)
from ven_sdk.testing import LocalVTN


def test_a_query_says_what_the_vtn_offers_and_gives_no_ids(
    vtn: LocalVTN, xsd: etree.XMLSchema
) -> None:
    with SmallVen(vtn, xsd) as ven:
        answer = ven.post(QueryRegistration(request_id="7"))

    assert answer.response.request_id == "7"
    assert (answer.vtn_id, answer.requested_oadr_poll_freq) == ("localvtn", timedelta(seconds=1))
    assert (answer.ven_id, answer.registration_id) == (None, None)


def test_a_registration_gives_ids_and_a_renewed_one_keeps_them(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    first = (ven.ven_id, ven.registration_id)

    ven.register(ven_id=ven.ven_id, registration_id=ven.registration_id)

    assert (ven.ven_id, ven.registration_id) == first
    assert vtn.ven("small").registered


def test_a_new_registration_keeps_the_ven_id_and_drops_what_was_queued(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    before = (ven.ven_id, ven.registration_id)
    vtn.request_reregistration()

    ven.register()

    assert ven.ven_id == before[0]
    assert ven.registration_id != before[1]
    assert ven.poll().wire_name == "oadrResponse"


def test_pre_assigned_ids_are_used(xsd: etree.XMLSchema) -> None:
    with LocalVTN(vens={"known": {"ven_id": "v1", "registration_id": "r1"}}) as vtn:
        with (
            SmallVen(vtn, xsd, ven_name="known") as known,
            SmallVen(vtn, xsd, ven_name="own-id") as own,
        ):
            known.register()
            own.register(ven_id="mine")

    assert (known.ven_id, known.registration_id) == ("v1", "r1")
    assert own.ven_id == "mine"


def test_a_pre_provisioned_ven_polls_without_registering(
    vtn: LocalVTN, xsd: etree.XMLSchema
) -> None:
    with SmallVen(vtn, xsd) as ven:
        ven.ven_id = vtn.add_ven("pre", ven_id="pre-1", registered=True)

        assert ven.poll().response.response_code == "200"


@pytest.mark.parametrize(
    "accept, code",
    [
        (False, "463"),
        ("452", "452"),
        ("known", "463"),
        (lambda request: request.ven_name != "small", "463"),
    ],
)
def test_a_registration_that_is_not_accepted_is_refused_with_its_code(
    vtn: LocalVTN, xsd: etree.XMLSchema, accept: object, code: str
) -> None:
    vtn.accept = accept  # type: ignore[assignment]

    with SmallVen(vtn, xsd) as ven:
        answer = ven.register()

    assert answer.response.response_code == code
    assert answer.registration_id is None
    assert vtn.vens == {}


def test_a_stranger_gets_463_whatever_it_sends(vtn: LocalVTN, xsd: etree.XMLSchema) -> None:
    with SmallVen(vtn, xsd) as ven:
        ven.ven_id = "nobody"
        codes = {
            ven.poll().response.response_code,
            ven.request_events().response.response_code,
            ven.offer("a").response.response_code,
            ven.deliver("x", ("a", 0, 1)).response.response_code,
        }

    assert codes == {"463"}


def test_a_ven_cancels_its_registration_but_not_with_wrong_ids(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    wrong = ven.post(
        CancelPartyRegistration(request_id="1", registration_id="no", ven_id=ven.ven_id)
    )
    registered = vtn.ven().registered
    right = ven.post(
        CancelPartyRegistration(
            request_id="2", registration_id=ven.registration_id, ven_id=ven.ven_id
        )
    )

    assert (wrong.response.response_code, registered) == ("452", True)
    assert (right.response.response_code, vtn.ven().registered) == ("200", False)


def test_the_vtn_cancels_a_registration_and_the_ven_is_gone_when_it_confirms(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    vtn.cancel_registration()
    message = ven.poll()

    assert (message.wire_name, message.registration_id) == (
        "oadrCancelPartyRegistration",
        ven.registration_id,
    )
    ven.post(
        CanceledPartyRegistration(
            response=EiResponse(response_code="200", request_id=message.request_id),
            registration_id=ven.registration_id,
            ven_id=ven.ven_id,
        )
    )
    assert not vtn.ven().registered
    assert ven.poll().response.response_code == "463"


def test_a_reregistration_is_asked_for_by_poll(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.request_reregistration()

    assert ven.poll().wire_name == "oadrRequestReregistration"
    answer = ven.post(
        Response(response=EiResponse(response_code="200", request_id=""), ven_id=ven.ven_id),
        "EiRegisterParty",
    )
    assert answer.response.response_code == "200"


def test_a_forgotten_ven_is_unknown_until_it_registers(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.forget()
    assert ven.poll().response.response_code == "463"

    ven.register()
    assert ven.poll().response.response_code == "200"


def test_a_vtn_with_a_catalogue_offers_it_after_each_new_registration(xsd: etree.XMLSchema) -> None:
    with LocalVTN(offers=()) as vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        assert ven.poll().wire_name == "oadrRegisterReport"

        ven.register(ven_id=ven.ven_id, registration_id=ven.registration_id)
        assert ven.poll().wire_name == "oadrResponse"


def test_a_payload_at_the_wrong_service_gets_459(vtn: LocalVTN, ven: SmallVen) -> None:
    answer = ven.post(Poll(ven_id=ven.ven_id), "EiEvent")

    assert (answer.wire_name, answer.response.response_code) == ("oadrResponse", "459")


def test_an_unknown_ven_in_a_command_is_an_error_that_lists_the_known_ones(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    with pytest.raises(ConfigurationError, match="'ven-1' \\('small'\\)"):
        vtn.ven("other")


def test_nothing_is_left_of_a_vtn_that_was_stopped_twice(xsd: etree.XMLSchema) -> None:
    vtn = LocalVTN()
    with vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        url = vtn.url
    vtn.stop()

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ven_sdk-vtn")]
    with pytest.raises(StateError, match="does not listen"):
        assert vtn.url != url


def test_a_port_that_is_taken_is_an_error_that_names_it(vtn: LocalVTN) -> None:
    with pytest.raises(ConfigurationError, match=f"Port {vtn.port} of 127.0.0.1 cannot be taken"):
        LocalVTN(port=vtn.port).start()


def test_a_stopped_vtn_can_be_started_again(xsd: etree.XMLSchema) -> None:
    vtn = LocalVTN()
    for _ in range(2):
        with vtn, SmallVen(vtn, xsd) as ven:
            assert ven.register().response.response_code == "200"


@pytest.mark.parametrize("given", [0.3, -1])
def test_a_poll_frequency_that_no_message_can_hold_is_refused_at_once(given: float) -> None:
    with pytest.raises(ConfigurationError, match="whole number of seconds"):
        LocalVTN(poll_frequency=given)


def test_a_port_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigurationError, match="port must be a whole number"):
        LocalVTN(port=70000).start()
