"""A VEN that is called, and what changes around it: it recovers by itself."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.models.texts import first
from tests.push.pusher import PushingVTN
from tests.push.test_push import event, free_port
from tests.push.trust import Trust
from tests.push.wire import wait_for
from ven_sdk import OpenADRClient
from ven_sdk.push import server


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as closing:
        yield closing


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path)


def start(stack: ExitStack, vtn: PushingVTN, port: int, **arguments: Any) -> OpenADRClient:
    scheme = "https" if "cert" in arguments else "http"
    client = OpenADRClient(
        "ven",
        vtn.url,
        push=f"{scheme}://localhost:{port}",
        listen=f"127.0.0.1:{port}",
        allow_jitter=False,
        **arguments,
    )
    client.add_handler("on_event", lambda event: "optIn")
    stack.callback(client.stop, 2)
    client.start(wait=15)
    vtn.wait_for(lambda: vtn.sent("oadrRequestEvent"))
    return client


# --- the VTN --------------------------------------------------------------------------------------


def restart(stack: ExitStack, vtn: PushingVTN, *, memory: bool) -> PushingVTN:
    """Another VTN at the same port, which knows what the first one knew, or nothing."""
    vtn.__exit__()
    port = urlsplit(vtn.url).port or 0
    again = stack.enter_context(PushingVTN(context=vtn.context, port=port))
    if memory:
        again.address, again.registered = vtn.address, vtn.registered
    return again


def test_a_vtn_that_restarts_calls_on(stack: ExitStack) -> None:
    before = PushingVTN()
    start(stack, before, free_port())
    vtn = restart(stack, before, memory=True)
    vtn.events = event()

    assert vtn.push_list()[0] == 200
    assert vtn.wait_for(lambda: vtn.answered("e1"), 15)


def test_a_vtn_that_forgot_everything_is_told_the_address_again(stack: ExitStack) -> None:
    """Without ``poll_fallback`` a VEN with nothing to send could not know of it."""
    before = PushingVTN()
    start(stack, before, free_port(), poll_fallback=1, poll_frequency=1)
    vtn = restart(stack, before, memory=False)

    assert vtn.wait_for(lambda: vtn.registered, 20)
    vtn.events = event()
    assert vtn.push_list()[0] == 200
    assert vtn.wait_for(lambda: vtn.answered("e1"), 15)


# --- certificates ---------------------------------------------------------------------------------


def shown(vtn: PushingVTN) -> bytes:
    """The certificate that the VEN shows."""
    with vtn.connect() as connection:
        assert isinstance(connection, ssl.SSLSocket)
        return connection.getpeercert(binary_form=True) or b""


def as_client(ca_file: str, cert: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.load_cert_chain(cert, key)
    return context


def test_a_certificate_that_is_renewed_on_disk_is_shown_to_who_calls_next(
    stack: ExitStack, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOOK_AFTER", 0.0)
    own = trust.files("ven", trust.ca.issue_cert("localhost"))
    vtn = stack.enter_context(PushingVTN(context=as_client(trust.ca_file, *trust.vtn)))
    start(stack, vtn, free_port(), cert=own[0], key=own[1], ca_file=trust.ca_file)
    old = shown(vtn)

    trust.files("ven", trust.ca.issue_cert("localhost"))

    wait_for(lambda: shown(vtn) != old)
    assert vtn.push_list()[0] == 200


def test_a_vtn_of_a_renewed_authority_is_admitted_and_the_old_one_no_more(
    stack: ExitStack, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOOK_AFTER", 0.0)
    own = trust.files("ven", trust.ca.issue_cert("localhost"))
    vtn = stack.enter_context(PushingVTN(context=as_client(trust.ca_file, *trust.vtn)))
    trusted = str(trust.folder / "trusted.pem")
    trust.ca.cert_pem.write_to_path(trusted)
    start(stack, vtn, free_port(), cert=own[0], key=own[1], ca_file=trusted)
    assert vtn.push_list()[0] == 200

    trust.other_ca.cert_pem.write_to_path(trusted)
    old, vtn.context = vtn.context, as_client(trust.ca_file, *trust.stranger)

    wait_for(lambda: status(vtn) == 200)
    vtn.context = old
    assert status(vtn) is None


def status(vtn: PushingVTN) -> Any:
    try:
        return vtn.push_list()[0] or None
    except OSError:
        return None


def test_a_vtn_that_renews_its_own_certificate_calls_on(stack: ExitStack, trust: Trust) -> None:
    own = trust.files("ven", trust.ca.issue_cert("localhost"))
    vtn = stack.enter_context(PushingVTN(context=as_client(trust.ca_file, *trust.vtn)))
    start(stack, vtn, free_port(), cert=own[0], key=own[1], ca_file=trust.ca_file)
    assert vtn.push_list()[0] == 200

    renewed = trust.files("renewed", trust.ca.issue_cert("vtn.example"))
    vtn.context = as_client(trust.ca_file, *renewed)

    assert vtn.push_list()[0] == 200


# --- the address ----------------------------------------------------------------------------------


def test_a_ven_with_another_address_registers_again_under_its_ids(
    stack: ExitStack, tmp_path: Path
) -> None:
    """R5: the same registration, and the new address in it."""
    store, vtn = str(tmp_path / "ven.db"), stack.enter_context(PushingVTN())
    called: list[str] = []
    old = start(stack, vtn, free_port(), store=store)
    old.add_handler("on_event", lambda event: called.append(event.event_id) or "optIn")
    vtn.events = event()
    vtn.push_list()
    vtn.wait_for(lambda: vtn.answered("e1"))
    address, mark = vtn.address, len(vtn.got)
    old.stop(5)

    new = start(stack, vtn, free_port(), store=store)
    new.add_handler("on_event", lambda event: called.append(event.event_id) or "optIn")

    again = next(text for name, text in vtn.got[mark:] if name == "oadrCreatePartyRegistration")
    assert (first("registrationID", again), first("venID", again)) == ("reg-1", "ven-1")
    assert vtn.address != address
    vtn.events.update(event("e2"))
    assert vtn.push_list()[0] == 200
    assert vtn.wait_for(lambda: vtn.answered("e2"))
    assert called == ["e1", "e2"]


def test_what_was_pushed_while_a_ven_was_away_reaches_it(stack: ExitStack) -> None:
    vtn, port = stack.enter_context(PushingVTN()), free_port()
    start(stack, vtn, port).stop(5)
    vtn.events = event()
    with pytest.raises(OSError):
        vtn.push_list()

    start(stack, vtn, port)

    assert vtn.wait_for(lambda: vtn.answered("e1"))
    assert vtn.push_list()[0] == 200
