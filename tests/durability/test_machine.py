"""Every step of the registration machine, and of what follows it, survives every failure at its
place.

One table: what is sent x what goes wrong with it, each once and five times in a row. Afterwards the
VEN is registered, polls, has answered its event and delivered its samples, none twice. No thread,
no time.
"""

from __future__ import annotations

from typing import Any, Callable

import pytest

from tests.durability.fake_world import World, reply
from ven_sdk.errors import ConfigurationError, PayloadError, SecurityError, TransportError
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.oadr20b.schema.registration import RequestReregistration, Response
from ven_sdk.oadr20b.schema.reports import UpdatedReport
from ven_sdk.schema.common import Payload

STEPS = (
    "oadrQueryRegistration",
    "oadrCreatePartyRegistration",
    "oadrRegisterReport",
    "oadrRequestEvent",
    "oadrPoll",
    "oadrCreatedEvent",
    "oadrCreatedReport",
    "oadrUpdateReport",
)
RESPONSES = {
    "oadrQueryRegistration": "oadrCreatedPartyRegistration",
    "oadrCreatePartyRegistration": "oadrCreatedPartyRegistration",
    "oadrRegisterReport": "oadrRegisteredReport",
    "oadrRequestEvent": "oadrResponse",
    "oadrPoll": "oadrResponse",
    "oadrCreatedEvent": "oadrResponse",
    "oadrCreatedReport": "oadrResponse",
    "oadrUpdateReport": "oadrUpdatedReport",
}


def refusal(record: Payload, code: str) -> Any:
    kind = PAYLOADS[RESPONSES[record.wire_name]]
    return reply(kind, code, vtn_id="vtn") if "Party" in kind.wire_name else reply(kind, code)


def raising(error: Callable[[], Exception]) -> Callable[[World, Payload], Any]:
    def fail(world: World, record: Payload) -> Any:
        raise error()

    return fail


def lost(world: World, record: Payload) -> Any:
    """The VTN did what it was asked to; its reply is lost."""
    world.vtn.handle(record)
    raise TransportError("the connection was reset", delivered=None)


FAILURES: dict[str, Callable[[World, Payload], Any]] = {
    "refused connection": raising(lambda: TransportError("refused", delivered=False)),
    "lost reply": lost,
    "500": raising(lambda: TransportError("500", status=500)),
    "503": raising(lambda: TransportError("503", status=503, retry_after=20)),
    "404": raising(lambda: TransportError("404", status=404, retryable=False)),
    "unreadable": raising(lambda: PayloadError("no XML")),
    "bad signature": raising(lambda: SecurityError("another certificate")),
    "not sendable": raising(lambda: ConfigurationError("cannot be written")),
    "empty body": lambda world, record: "empty",
    "463": lambda world, record: refusal(record, "463"),
    "452": lambda world, record: refusal(record, "452"),
    "code 500": lambda world, record: refusal(record, "500"),
    "bare response": lambda world, record: reply(Response),
    "re-registration": lambda world, record: RequestReregistration(ven_id="ven-1"),
    "another payload": lambda world, record: reply(UpdatedReport),
}


class Failing:
    """Has the first ``times`` messages of a kind fail."""

    def __init__(
        self, world: World, step: str, fail: Callable[[World, Payload], Any], times: int
    ) -> None:
        self._world, self._step, self._fail, self.left = world, step, fail, times

    def __call__(self, record: Payload) -> Any:
        if record.wire_name != self._step or not self.left:
            return None
        self.left -= 1
        return self._fail(self._world, record)


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.long)])
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("step", STEPS)
def test_the_machine_goes_on(step: str, failure: str, times: int) -> None:
    world = World(poll_frequency=2)
    values = iter(range(10**6))
    world.ven.add_report(
        lambda: next(values), resource_id="d", measurement="voltage", sampling_rate=10
    )
    world.vtn.wish = 10, 20
    world.vtn.add("first")
    failing = world.vtn.fail = Failing(world, step, FAILURES[failure], times)
    world.start()
    world.run(60)
    world.vtn.add("second")

    world.run(600)
    failing.left = 0  # of a step that is not repeated
    world.until(lambda: world.ven.status.state == "registered", 600)
    world.vtn.add("third")

    polls = world.vtn.counts["oadrPoll"]
    world.until(lambda: world.vtn.answered.get("third") == "optIn", 600)
    assert world.vtn.counts["oadrPoll"] > polls
    assert {world.vtn.answered.get(name) for name in ("first", "second")} <= {"optIn", None}
    if (step, failure) not in WITHOUT_REPORTS:
        delivered = len(world.vtn.samples)
        # a service that was never there, and one that said no, is asked once an hour
        patience = 7200 if failure in ("404", *REFUSED) else 600
        world.until(lambda: len(world.vtn.samples) > delivered, patience)
    assert world.vtn.doubles == []
    if (step, failure) == ("oadrUpdateReport", "not sendable"):
        return  # those samples are dropped, and said to be
    assert world.ven.health().problems == ()


WITHOUT_REPORTS = {("oadrUpdateReport", "452")}
"""An unknown reportRequestID ends that (T25)."""
REFUSED = ("452", "code 500", "not sendable")
