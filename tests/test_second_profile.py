"""A protocol of another kind runs on the same runtime, transport, events and handlers as 2.0b."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.json_profile import PATH, JsonKind
from tests.transport.raw_server import Peer, RawServer
from ven_sdk import Fleet, OpenADRClient, ProtocolError, profiles
from ven_sdk.push import wsgi
from ven_sdk.schema.events import Event
from ven_sdk.testing import LocalVTN
from ven_sdk.testing.vtn.http import free_port
from ven_sdk.ven import Ven


class JsonVTN:
    """Raw sockets that speak JSON. ``news`` is what a poll brings, ``replies`` are those to
    messages of a kind (the first key), ``{}`` where there is none.
    """

    def __init__(self) -> None:
        self.start = datetime.now(timezone.utc) + timedelta(hours=1)
        self.news: dict[str, Any] = {"events": [self.event("e1")]}
        self.replies: dict[str, dict[str, Any]] = {"register": {"ven": "ven-7"}}
        self.asked: list[dict[str, Any]] = []
        self.types: set[str] = set()
        self.changed = threading.Condition()
        self.server = RawServer(self.converse)
        self.url = self.server.url(path=PATH)

    def event(self, name: str) -> dict[str, Any]:
        return {"id": name, "start": self.start.isoformat(), "seconds": 600, "level": 2}

    def converse(self, peer: Peer) -> None:
        while True:
            _, headers, body = peer.request()
            message = json.loads(body)
            self.types.add(headers["content-type"])
            kind = next(iter(message))
            reply = self.news if kind == "ask" else self.replies.get(kind, {})
            with self.changed:
                self.asked.append(message)
                self.changed.notify_all()
            data = json.dumps(reply).encode()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data))

    def got(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """The messages of a kind, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.found(kind)) >= count, 20), self.asked
            return self.found(kind)

    def found(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.asked if next(iter(message)) == kind]


@pytest.fixture
def vtn(monkeypatch: pytest.MonkeyPatch) -> Iterator[JsonVTN]:
    monkeypatch.setattr(profiles, "PROFILES", (JsonKind(), *profiles.PROFILES))
    vtn = JsonVTN()
    yield vtn
    vtn.server.close()


def opt_in(_event: Event) -> str:
    return "optIn"


def test_an_event_in_json_reaches_the_handler_and_its_answer_the_vtn(vtn: JsonVTN) -> None:
    seen: list[Event] = []

    def decide(event: Event) -> str:
        seen.append(event)
        return "optIn"

    with OpenADRClient("ven", vtn.url, poll_frequency=0.2, on_event=decide) as client:
        answers = vtn.got("event")
        shown = client.schedule(hours=2)
        status, health = client.status, client.health()
        assert (client.opts, client.reports) == ((), ())

    assert [event.event_id for event in seen] == ["e1"]
    assert (seen[0].active_period.dtstart, seen[0].test_event) == (vtn.start, False)
    assert [(row.start, row.payload) for row in shown] == [(vtn.start, 2)]
    assert answers == [{"event": "e1", "opt": "optIn"}]
    assert vtn.types == {"application/json"}
    assert (status.state, list(status.services), health.problems) == ("registered", ["json"], ())


def test_it_registers_first_and_again_when_the_vtn_forgot_it(vtn: JsonVTN) -> None:
    vtn.news = {"unknown": "who are you"}
    with OpenADRClient("ven", vtn.url, poll_frequency=0.2, on_event=opt_in) as client:
        registered = threading.Semaphore(0)
        client.add_handler("on_registered", registered.release)
        vtn.got("register", 2)
        vtn.news = {}
        vtn.got("ask", 2)
        assert registered.acquire(timeout=20)
        assert client.status.state == "registered"

    assert vtn.asked[0] == {"register": "ven", "offers": []}
    assert [next(iter(message)) for message in vtn.asked[:3]] == ["register", "ask", "register"]


def test_a_report_that_it_asks_for_is_sampled_and_delivered(vtn: JsonVTN, tmp_path: Path) -> None:
    vtn.news = {"reports": [{"id": "r1", "of": "power", "points": ["main"], "every": 1}]}
    values = iter(range(100))
    store = str(tmp_path / "ven.db")
    with OpenADRClient("ven", vtn.url, poll_frequency=0.2, on_event=opt_in, store=store) as client:
        client.add_report(
            lambda: next(values), report_specifier_id="power", r_id="main", sampling_rate=1
        )
        delivered = vtn.got("report", 2)
        assert [report.specifier for report in client.reports] == ["power"]

    samples = [sample for report in delivered[:2] for sample in report["samples"]]
    first, second = (datetime.fromisoformat(sample["at"]) for sample in samples)
    assert {report["report"] for report in delivered} == {"r1"}
    assert [sample["values"] for sample in samples] == [{"main": 0.0}, {"main": 1.0}]
    assert second > first
    assert first.microsecond == second.microsecond == 0


def test_an_opt_is_sent_until_the_vtn_has_it_and_forgotten_when_it_refuses(vtn: JsonVTN) -> None:
    with OpenADRClient("ven", vtn.url, poll_frequency=0.2, on_event=opt_in) as client:
        vtn.got("ask")
        client.create_opt("optOut", "economic", opt_id="o1")
        standing = client.opts
        vtn.replies["opt"] = {"error": "no more opts"}
        with pytest.raises(ProtocolError, match="no more opts"):
            client.create_opt("optIn", "economic", opt_id="o2")
        assert client.opts == standing

    assert [opt.opt_id for opt in standing] == ["o1"]
    assert vtn.found("opt")[0] == {"opt": "o1", "type": "optOut", "reason": "economic"}


def test_an_event_is_pushed_and_nothing_is_polled(vtn: JsonVTN) -> None:
    port = free_port()
    own, listen = f"http://localhost:{port}/site", f"127.0.0.1:{port}"
    with OpenADRClient("ven", vtn.url, push=own, listen=listen, on_event=opt_in) as client:
        vtn.got("register")
        said = requests.post(own + PATH, json={"events": [vtn.event("e9")]}, timeout=10)
        headers = {"Content-Type": "application/json"}
        spoilt = requests.post(own + PATH, data=b"{", headers=headers, timeout=10)
        elsewhere = requests.post(own + "/other", json={}, timeout=10)
        assert (said.status_code, said.text) == (200, "{}")
        answers = vtn.got("event")
        assert [event.event_id for event in client.events] == ["e9"]

    assert (spoilt.status_code, elsewhere.status_code) == (400, 404)
    assert answers == [{"event": "e9", "opt": "optIn"}]
    assert vtn.found("ask") == []


def test_a_web_server_of_ones_own_takes_the_content_types_of_the_protocol(vtn: JsonVTN) -> None:
    own = "http://localhost:8080/site"
    with OpenADRClient("ven", vtn.url, push=own, on_event=opt_in) as client:
        vtn.got("register")
        assert push_by_wsgi(client, "application/xml", vtn.event("e9")).startswith("406 ")
        assert client.events == ()
        assert push_by_wsgi(client, "application/json; charset=utf-8", vtn.event("e9")) == "200 OK"
        assert vtn.got("event") == [{"event": "e9", "opt": "optIn"}]


def push_by_wsgi(client: OpenADRClient, media_type: str, event: dict[str, Any]) -> str:
    """The status of one request that a web server hands on."""
    body = json.dumps({"events": [event]}).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": media_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "PATH_INFO": "/site" + PATH,
        "REMOTE_ADDR": "127.0.0.1",
    }
    said: list[str] = []
    wsgi(client)(environ, lambda status, headers: said.append(status))
    return said[0]


def test_a_fleet_has_vens_of_both_protocols_at_one_path(vtn: JsonVTN, tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    port = free_port()
    own, listen = f"http://localhost:{port}/site", f"127.0.0.1:{port}"
    store = str(tmp_path / "fleet.db")

    def decide(ven: Ven, event: Event) -> str:
        seen.append((ven.settings.ven_name, event.event_id))
        return "optIn"

    with LocalVTN() as other, Fleet(store=store, listen=listen) as fleet:
        fleet.add_handler("on_event", decide)
        fleet.add("json", vtn_url=vtn.url, push=own)
        fleet.add("xml", vtn_url=other.url, push=own)
        assert fleet.wait(2, timeout=20)
        other.add_event(event_id="x1")
        pushed = requests.post(own + PATH, json={"events": [vtn.event("j1")]}, timeout=10)
        headers = {"Content-Type": "text/xml"}
        mistyped = requests.post(own + PATH, data=b"{}", headers=headers, timeout=10)
        answers = vtn.got("event")
        other.wait_for("oadrCreatedEvent")
        status, health = fleet.status, fleet.health()

    assert (pushed.status_code, mistyped.status_code) == (200, 406)
    assert answers == [{"event": "j1", "opt": "optIn"}]
    assert sorted(seen) == [("json", "j1"), ("xml", "x1")]
    assert (status.states, health.problems) == ({"registered": 2}, ())
    assert (status.queues["uploads"], status.queues["events"]) == (0, 2)
    assert [push.status for push in other.pushes] == [200]


def test_other_addresses_are_those_of_2_0b_all_the_same(vtn: JsonVTN) -> None:
    assert profiles.choose_profile(vtn.url).name == "JSON"
    assert profiles.choose_profile("https://vtn.example.com").name == "OpenADR 2.0b"
