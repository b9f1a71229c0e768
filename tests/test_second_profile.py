"""A protocol of another kind runs on the same runtime, transport, events and handlers as 2.0b."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.json_profile import PATH, JsonKind
from tests.transport.raw_server import Peer, RawServer
from ven_sdk import OpenADRClient, profiles
from ven_sdk.schema.events import Event


class JsonVTN:
    """Raw sockets that speak JSON: one event for whoever polls."""

    def __init__(self) -> None:
        self.start = datetime.now(timezone.utc) + timedelta(hours=1)
        self.asked: list[dict[str, Any]] = []
        self.types: set[str] = set()
        self.answered = threading.Event()
        self.server = RawServer(self.converse)
        self.url = self.server.url(path=PATH)

    def converse(self, peer: Peer) -> None:
        while True:
            _, headers, body = peer.request()
            self.asked.append(json.loads(body))
            self.types.add(headers["content-type"])
            peer.send(self.reply(self.asked[-1]))

    def reply(self, message: dict[str, Any]) -> bytes:
        event = {"id": "e1", "start": self.start.isoformat(), "seconds": 600, "level": 2}
        body = json.dumps({"events": [event]} if "ask" in message else {}).encode()
        if "event" in message:
            self.answered.set()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
def vtn(monkeypatch: pytest.MonkeyPatch) -> Iterator[JsonVTN]:
    monkeypatch.setattr(profiles, "PROFILES", (JsonKind(), *profiles.PROFILES))
    vtn = JsonVTN()
    yield vtn
    vtn.server.close()


def test_an_event_in_json_reaches_the_handler_and_its_answer_the_vtn(vtn: JsonVTN) -> None:
    seen: list[Event] = []

    def decide(event: Event) -> str:
        seen.append(event)
        return "optIn"

    with OpenADRClient("ven", vtn.url, poll_frequency=0.2, on_event=decide) as client:
        assert vtn.answered.wait(10)
        shown = client.schedule(hours=2)
        status, health = client.status, client.health()
        assert (client.opts, client.reports) == ((), ())

    assert [event.event_id for event in seen] == ["e1"]
    assert (seen[0].active_period.dtstart, seen[0].test_event) == (vtn.start, False)
    assert [(row.start, row.payload) for row in shown] == [(vtn.start, 2)]
    assert vtn.asked.count({"event": "e1", "opt": "optIn"}) == 1
    assert vtn.types == {"application/json"}
    assert (status.state, list(status.services), health.problems) == ("registered", ["json"], ())


def test_other_addresses_are_those_of_2_0b_all_the_same(vtn: JsonVTN) -> None:
    assert profiles.choose_profile(vtn.url).name == "JSON"
    assert profiles.choose_profile("https://vtn.example.com").name == "OpenADR 2.0b"
