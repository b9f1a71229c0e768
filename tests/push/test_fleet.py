"""A fleet that is called: one listener for all its VENs, told apart by path and by venID."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

import pytest

from tests.models.texts import first, payload
from tests.push.test_push import call, free_port
from tests.push.trust import Trust
from tests.push.wire import connect, encrypted, exchange, request
from ven_sdk import ConfigurationError, Fleet
from ven_sdk.objects import DistributeEvent
from ven_sdk.push import Peer, wsgi
from ven_sdk.testing import LocalVTN

BASE = "/OpenADR2/Simple/2.0b"
HERE = Peer("127.0.0.1")


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN() as local:
        yield local


Make = Callable[..., Fleet]


@pytest.fixture
def fleet(vtn: LocalVTN) -> Iterator[Make]:
    """Makes fleets that listen on a free port of loopback."""
    fleets: list[Fleet] = []

    def make(prefix: str = "/{ven_name}", *names: str, **arguments: Any) -> Fleet:
        port = free_port()
        made = Fleet(
            vtn.url,
            push=f"http://localhost:{port}{prefix}",
            listen=f"127.0.0.1:{port}",
            **arguments,
        )
        made.add_handler("on_event", lambda ven, event: "optIn")
        fleets.append(made)
        for name in names:
            made.add(name)
        made.start(wait=10)
        return made

    yield make
    for each in fleets:
        each.stop(2)


def bound(fleet: Fleet) -> tuple[str, int]:
    """Where its listener is."""
    push = next(iter(fleet)).settings.push
    assert push is not None
    return "127.0.0.1", urlsplit(push.address).port or 0


def asked(service: str, path: str, ven_id: str) -> bytes:
    """A request that names a VEN."""
    body = payload(
        "oadrRegisterReport",
        f"<pyld:requestID>q</pyld:requestID><ei:venID>{ven_id}</ei:venID>",
    )
    return request(body, f"{path}{BASE}/{service}")


def test_each_ven_is_called_at_its_own_path(vtn: LocalVTN, fleet: Make) -> None:
    made = fleet("/{ven_name}", "north", "south", "haus 7")

    addresses = {ven.settings.ven_name: ven.settings.push.address for ven in made}  # type: ignore[union-attr]
    assert addresses["north"].endswith("/north")
    assert addresses["haus 7"].endswith("/haus%207")
    event_id = vtn.add_event(dtstart=3600)
    for ven in made:
        assert vtn.wait_for_opt(event_id, ven_id=ven.ven_id).opt_type == "optIn"
    vtn.assert_not_received("oadrPoll")


def test_a_ven_that_is_removed_is_404_at_once_and_the_others_go_on(
    vtn: LocalVTN, fleet: Make
) -> None:
    made = fleet("/{ven_name}", "north", "south")
    ids = {ven.settings.ven_name: ven.ven_id or "" for ven in made}
    with connect(bound(made)) as caller:
        assert exchange(caller, asked("EiReport", "/north", ids["north"]))[0] == 200
        made.remove("north")
        assert exchange(caller, asked("EiReport", "/north", ids["north"])[:-200])[0] == 404
    with connect(bound(made)) as caller:
        assert exchange(caller, asked("EiReport", "/south", ids["south"]))[0] == 200
    made.add("north")
    assert made.wait(2, 10)
    with connect(bound(made)) as caller:
        assert exchange(caller, asked("EiReport", "/north", ids["north"]))[0] == 200


def test_vens_of_one_path_are_told_apart_by_the_ven_id(vtn: LocalVTN, fleet: Make) -> None:
    made = fleet("/all", "north", "south")
    for ven in made:
        status, _, body = made.receive(
            f"/all{BASE}/EiReport",
            payload("oadrRegisterReport", f"<ei:venID>{ven.ven_id}</ei:venID>"),
            HERE,
        )
        assert (status, first("venID", body.decode())) == (200, ven.ven_id)
    stranger = payload("oadrRegisterReport", "<ei:venID>nobody</ei:venID>")
    assert made.receive(f"/all{BASE}/EiReport", stranger, HERE).status == 404
    assert made.receive(f"/all{BASE}/EiReport", b"<html>", HERE).status == 406


def test_a_list_that_names_no_ven_of_one_path_is_refused_and_the_way_out_is_logged(
    vtn: LocalVTN, fleet: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Given to the wrong VEN, it would cancel that one's events."""
    made = fleet("/all", "north", "south")
    body = vtn.message(DistributeEvent(request_id="r", vtn_id="localvtn"))

    answers = {made.receive(f"/all{BASE}/EiEvent", body, HERE).status for _ in range(3)}

    assert answers == {404}
    assert sum("give each VEN a path of its own" in each for each in caplog.messages) == 1


def test_vens_of_different_vtns_may_have_one_path() -> None:
    port = free_port()
    with LocalVTN(vtn_id="one") as one, LocalVTN(vtn_id="two") as two:
        made = Fleet(push=f"http://localhost:{port}", listen=f"127.0.0.1:{port}")
        made.add_handler("on_event", lambda ven, event: "optIn")
        made.add("north", one.url)
        made.add("south", two.url)
        with made:
            assert made.wait(2, 10)
            for each in (one, two):
                assert each.wait_for_opt(each.add_event(dtstart=3600)).opt_type == "optIn"


def test_a_users_web_server_serves_a_fleet(vtn: LocalVTN) -> None:
    with Fleet(vtn.url, push="http://localhost:9/{ven_name}") as made:
        ven = made.add("haus 7")
        assert made.wait(1, 10)
        body = payload("oadrRegisterReport", f"<ei:venID>{ven.ven_id}</ei:venID>")
        application = wsgi(made)
        assert call(application, f"/haus 7{BASE}/EiReport", body)[0].startswith("200")
        assert call(application, f"/haus 8{BASE}/EiReport", body)[0].startswith("404")


def test_one_ven_may_poll_while_the_others_are_called(vtn: LocalVTN, fleet: Make) -> None:
    made = fleet("/{ven_name}", "called", poll_fallback=600)
    made.add("polls", push=None, poll_frequency=0.2)
    assert made.wait(2, 10)
    event_id = vtn.add_event(dtstart=3600)
    for ven in made:
        vtn.wait_for_opt(event_id, ven_id=ven.ven_id)


def test_sixty_vens_are_called_by_one_listener(vtn: LocalVTN, fleet: Make) -> None:
    made = fleet("/{ven_name}", *(f"ven{number}" for number in range(60)), start_rate=2000)
    begun = time.monotonic()
    with connect(bound(made)) as caller:
        for ven in made:
            push = ven.settings.push
            assert push is not None
            assert exchange(caller, asked("EiReport", push.prefix, ven.ven_id or ""))[0] == 200
    assert time.monotonic() - begun < 10


WRONG: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "https without a certificate": ({"push": "https://ven:1", "listen": "127.0.0.1:0"}, {}),
    "no port": ({"push": "http://ven:1", "listen": "0.0.0.0"}, {}),
    "no address": ({"push": "ven.example.com", "listen": "127.0.0.1:0"}, {}),
    "another scheme than the listener's": (
        {"push": "http://ven:1", "listen": "127.0.0.1:0"},
        {"push": "https://ven:1"},
    ),
    "listen for one VEN": ({}, {"listen": "127.0.0.1:0"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_work_is_an_error_in_the_call(what: str) -> None:
    common, own = WRONG[what]
    with pytest.raises(ConfigurationError):
        Fleet("http://localhost:9", **common).add("one", **own)


def test_a_port_that_is_taken_starts_nothing(vtn: LocalVTN, fleet: Make) -> None:
    first_one = fleet("/{ven_name}", "one")
    _, port = bound(first_one)
    second = Fleet(vtn.url, push=f"http://localhost:{port}", listen=f"127.0.0.1:{port}")
    with pytest.raises(ConfigurationError, match="listen"):
        second.start()
    assert second.status.threads == first_one.status.threads
    second.stop()


def test_the_fleets_certificate_is_shown_and_whom_no_ven_pins_never_sees_http(
    trust: Trust,
) -> None:
    port = free_port()
    cert, key = trust.files("fleet", trust.ca.issue_cert("localhost"))
    made = Fleet(
        "http://localhost:9",
        cert=cert,
        key=key,
        ca_file=trust.ca_file,
        listen=f"127.0.0.1:{port}",
        push=f"https://localhost:{port}/{{ven_name}}",
    )
    pinned = ssl.PEM_cert_to_DER_cert(
        Path(trust.vtn[0]).read_text(encoding="ascii").partition("-----END CERTIFICATE-----")[0]
        + "-----END CERTIFICATE-----\n"
    )
    digest = hashlib.sha256(pinned).hexdigest()
    made.add("one", tls_fingerprint=digest)
    made.add("two", tls_fingerprint="00" * 32)
    other = trust.files("other", trust.ca.issue_cert("other.example"))
    with made:
        address = bound(made)
        with encrypted(address, trust.ca_file, *trust.vtn) as caller:
            whole = request(b"<x/>", f"/one{BASE}/EiEvent")
            assert exchange(caller, whole)[0] in (406, 503)
            assert exchange(caller, request(b"<x/>", f"/two{BASE}/EiEvent"))[0] == 403
        with encrypted(address, trust.ca_file, *other) as caller:
            assert exchange(caller, whole)[0] == 0


def test_a_list_that_is_pushed_again_after_a_restart_calls_no_handler_again(
    vtn: LocalVTN, fleet: Make, tmp_path: Path
) -> None:
    called: list[str] = []
    made = fleet("/{ven_name}", "one", store=str(tmp_path / "fleet.db"))
    made.add_handler("on_event", lambda ven, event: called.append(event.event_id) or "optIn")
    event_id = vtn.add_event(dtstart=3600)
    vtn.wait_for_opt(event_id)
    made.stop(5)
    made.start(wait=10)
    body = vtn.message(
        DistributeEvent(request_id="r", vtn_id="localvtn", events=(vtn.events[event_id],))
    )
    assert made.receive(f"/one{BASE}/EiEvent", body, HERE).status == 200
    assert called == [event_id]


# --- the file of ven-sdk run ----------------------------------------------------------------------


def built(folder: Path, text: str) -> Any:
    """What ``ven-sdk run`` would run."""
    from ven_sdk.cli.run.build import build
    from ven_sdk.cli.run.file import load
    from ven_sdk.cli.run.plan import make_plan

    path = folder / "vens.toml"
    path.write_text(text, encoding="utf-8")
    return build(make_plan(load(str(path)), {}, {}))


def test_a_file_says_how_a_fleet_is_called(vtn: LocalVTN, tmp_path: Path) -> None:
    port = free_port()
    made = built(
        tmp_path,
        f"""
        [ven]
        vtn_url = "{vtn.url}"
        push = "http://localhost:{port}/{{ven_name}}"
        listen = "127.0.0.1:{port}"
        poll_fallback = "10 min"
        [handlers]
        on_event = "optIn"
        [[vens]]
        ven_name = "north"
        [[vens]]
        ven_name = "south"
        push = "http://localhost:{port}/elsewhere"
        push_ack = "empty"
        """,
    )
    south = made["south"].settings.push
    assert (south.prefix, south.ack, south.fallback.total_seconds()) == ("/elsewhere", "empty", 600)
    with made:
        assert made.wait(2, 10)
        event_id = vtn.add_event(dtstart=3600)
        for ven in made:
            assert vtn.wait_for_opt(event_id, ven_id=ven.ven_id).opt_type == "optIn"


def test_a_file_says_how_one_client_is_called(vtn: LocalVTN, tmp_path: Path) -> None:
    port = free_port()
    made = built(
        tmp_path,
        f"""
        [ven]
        ven_name = "one"
        vtn_url = "{vtn.url}"
        push = "http://localhost:{port}"
        listen = "127.0.0.1:{port}"
        push_ack = "empty"
        poll_fallback = "10 min"
        [handlers]
        on_event = "optIn"
        """,
    )
    with made:
        vtn.wait_for_registration()
        assert vtn.wait_for_opt(vtn.add_event(dtstart=3600)).opt_type == "optIn"


def test_listen_in_the_table_of_one_ven_is_told_with_its_place(tmp_path: Path) -> None:
    text = '[ven]\nvtn_url = "http://localhost:9"\n[[vens]]\nven_name = "a"\nlisten = ":8443"\n'
    with pytest.raises(ConfigurationError, match=r"line 5.*under \[ven\]"):
        built(tmp_path, text)
