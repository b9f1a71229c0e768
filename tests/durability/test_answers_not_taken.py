"""An answer that came, and cannot be taken: compressed although nobody asked for it, too large, in
a transfer coding that nobody knows. The link and the service work; what failed is this message.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.models.peer import MESSAGE
from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk import TransportError, VenError

PERIOD = 10


@contextlib.contextmanager
def not_taken(*services: str) -> Iterator[SimulatedVen]:
    """A VEN for which the answers of ``services`` are too large from its start on."""
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.wish = 10, 20

        def post(url: str, body: bytes) -> object:
            reply = world.vtn.post(url, body)
            found = MESSAGE.search(body.decode())
            if url.rpartition("/")[2] in services or (found and found[1] in services):
                raise TransportError(f"POST {url} failed: too large.", status=200)
            return reply

        world.engine.profile.identity.connections._answer = post
        start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
        world.vtn.events["e"] = VTNEvent("e", start, 600)
        yield world


@pytest.mark.parametrize("services", [("EiReport",), ("EiEvent",), ("EiReport", "EiEvent")])
def test_everything_else_goes_on_and_the_link_works(services: tuple[str, ...]) -> None:
    with not_taken(*services) as world:
        world.start()
        world.run(600)

        assert world.ven.status.state == "registered"
        polls = [one.at for one in world.vtn.sent if one.name == "oadrPoll"]
        assert max(after - before for before, after in zip(polls, polls[1:])) <= PERIOD + 0.5
        assert world.lines.seen and not [text for _, text in world.lines.seen if "Trying" in text]


def test_a_poll_whose_answer_is_not_taken_is_made_good_by_the_list() -> None:
    with not_taken("OadrPoll") as world:
        world.vtn.events.clear()
        world.start()
        world.run(30)
        start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
        world.vtn.events["lost"] = VTNEvent("lost", start, 600)
        world.vtn.queue.append("list")
        world.run(60)

        assert ("lost", 0) in world.vtn.record.answers


def test_a_call_says_what_came() -> None:
    with not_taken("oadrCreateOpt") as world:
        world.start()
        world.run(30)
        window = {"dtstart": world.clock.now() + timedelta(days=30), "duration": 60}

        with pytest.raises(VenError, match="too large"):
            world.ven.create_opt("optOut", "economic", vavailability=[window])
