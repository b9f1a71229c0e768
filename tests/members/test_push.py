"""Push to several members: who has the VEN takes the message in, the others send the VTN on."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.members.conftest import Crew, eventually
from tests.models.peer import payload
from tests.push.test_push import free_port
from tests.push.wire import connect, exchange, request
from ven_sdk import ConfigurationError, FleetMember
from ven_sdk.push import Peer

BASE = "/OpenADR2/Simple/2.0b"
HERE = Peer("127.0.0.1")


@contextmanager
def balancer(ports: dict[str, int]) -> Iterator[int]:
    """A load balancer that knows nothing of HTTP: each connection goes to the next member."""
    turns = itertools.cycle(ports.values())
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server, turns), daemon=True).start()
        yield server.getsockname()[1]


def accept(server: socket.socket, turns: Iterator[int]) -> None:
    with suppress(OSError):
        while True:
            near = server.accept()[0]
            threading.Thread(target=relay, args=(near, next(turns)), daemon=True).start()


def relay(near: socket.socket, port: int) -> None:
    """Bytes both ways, until both sides have hung up; nothing where no member listens."""
    with near, suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as far:
        answers = threading.Thread(target=pump, args=(far, near))
        answers.start()
        pump(near, far)
        answers.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def listening(crew: Crew, ports: dict[str, int], address: str) -> None:
    """The members of ``ports``, each bound to its port, with one address for all."""
    for name, port in ports.items():
        member = crew.member(name, start=False, push=address, listen=f"127.0.0.1:{port}")
        member.add_handler("on_event", lambda ven, event: "optIn")
        member.start()


def asked(name: str, ven_id: str) -> tuple[str, bytes]:
    """Path and body of a message to the VEN ``name``."""
    body = payload(
        "oadrRegisterReport", f"<pyld:requestID>q</pyld:requestID><ei:venID>{ven_id}</ei:venID>"
    )
    return f"/{name}{BASE}/EiReport", body


def test_a_push_to_a_member_without_that_ven_is_to_be_made_again(crew: Crew) -> None:
    ports = {"a": free_port(), "b": free_port()}
    crew.put(12)
    listening(crew, ports, f"http://localhost:{ports['a']}/{{ven_name}}")
    where = crew.all_run(12, members=2)
    for ven, owner in where.items():
        path, body = asked(ven, crew.members[owner].fleet[ven].ven_id or "")
        for name, port in ports.items():
            with connect(("127.0.0.1", port)) as vtn:
                status, headers, _ = exchange(vtn, request(body, path))
            assert status == (200 if name == owner else 503)
            assert ("retry-after" in headers) == (name != owner)
    elsewhere = crew.members["a"].receive("/ven-0/nothing", b"", HERE)
    assert elsewhere.status == 404, "no service of any VEN is at such a path"


def test_events_find_their_vens_through_a_balancer_that_does_not_know_where_they_run(
    crew: Crew,
) -> None:
    ports = {"a": free_port(), "b": free_port()}
    crew.put(12)
    crew.vtn._pusher.retry = 0.05
    with balancer(ports) as port:
        listening(crew, ports, f"http://localhost:{port}/{{ven_name}}")
        crew.all_run(12, members=2)
        event_id = crew.vtn.add_event(dtstart=3600)
        crew.vtn.wait_for_opt(event_id)
        eventually(
            lambda: {push.status for push in crew.vtn.pushes} >= {200, 503}, "both are answered"
        )
        vens = [ven for member in crew.members.values() for ven in member.fleet]
        eventually(lambda: all(ven.events for ven in vens), "the event is with every VEN")
        assert {push.status for push in crew.vtn.pushes} == {200, 503}
        crew.members["b"].stop()
        crew.all_run(12, members=1)
        later = crew.vtn.add_event(dtstart=7200)
        vens = list(crew.members["a"].fleet)
        eventually(lambda: all(len(ven.events) == 2 for ven in vens), f"{later} is with every VEN")


def test_members_without_a_path_for_each_ven_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"put \{ven_name\} into it"):
        FleetMember(store="postgresql://localhost/none", push="http://localhost:8460/all")
