"""Rows on transport (rules H)."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ...oadr20b.schema.reports import CreateReport
from ...testing import Fault, Received, Reply, Status
from .rows import demand, not_shown, row, skip
from .trial import Trial
from .trial_parts import rules_in, seconds_between

HEAD = {"53", "511", "§9.1.3", "§9.1.9", "§9.1.9.1", "§9.1.9.4", "§9.1.9.5"}
WAIT = 4.9
PATIENT = "A VEN waits at least 5 s for a reply."
MINUTE = 60
FORBIDDEN_AGAIN = (404, 406, 501)
STEPS = 6
"""Pauses under HTTP 503: about a minute together."""
RETRY_AFTER, AWAY = 20, 20
CREATE = "oadrCreatePartyRegistration"


@row(
    71,
    "sends heads as the letter has them",
    "H",
    "CR 53, 511, §9.1.3, §9.1.9",
    pics="B",
    at_end=True,
)
def heads(trial: Trial) -> str:
    messages = [each for _, each in trial.run.received]
    if not messages:
        skip("no other row was run")
    for message in messages:
        for what in message.deviations:
            if rules_in(what) & HEAD or "rule H" in what:
                not_shown(f"{message.kind}: {what}")
    return f"{len(messages)} requests"


@row(72, "does not hammer a VTN that says no", "H", "§9.1.5")
def not_again(trial: Trial) -> str:
    for status in FORBIDDEN_AGAIN:
        fault = trial.fault(Status(status, service="EiRegisterParty"))
        after = trial.mark()
        trial.power_up()
        _expect_rest(trial, status, CREATE, after)
        trial.power_down()
        fault.clear()
    trial.begin()
    for status in FORBIDDEN_AGAIN:
        after = trial.mark()
        fault = trial.fault(Status(status, service="OadrPoll"))
        _expect_rest(trial, status, "oadrPoll", after)
        fault.clear()
        trial.await_polls(2, seconds=400)
    return "404, 406, 501 to a registration and to a poll: one attempt a minute at the most"


def _expect_rest(trial: Trial, status: int, kind: str, after: int) -> None:
    """Within a minute of the first such message, which failed, there is one more at the most."""
    trial.expect(kind, after=after)
    trial.pass_time(MINUTE)
    count = trial.count(kind, after=after) - 1
    demand(
        count <= 1,
        f"after HTTP {status} to {kind}, {count} more came within a minute",
        "What must not be sent again is tried once a minute at the most.",
    )


@row(73, "backs off by doubling, and comes back", "H", "§9.1.7", pics="B")
def back_off(trial: Trial) -> str:
    trial.begin()
    fault = trial.fault(Status(503, service="OadrPoll"))
    trial.pass_until(lambda: fault.hits > STEPS, 300)
    gaps = seconds_between(trial.all_of("oadrPoll")[-fault.hits :])[:STEPS]
    shown = ", ".join(f"{gap:.1f}" for gap in gaps)
    near = all(
        0.85 * wanted <= gap <= 1.15 * wanted + 0.2
        for gap, wanted in zip(gaps, _doubled_pauses(gaps[0] if gaps else 0))
    )
    grows = all(later >= 0.8 * earlier for earlier, later in zip(gaps, gaps[1:]))
    demand(
        len(gaps) == STEPS and grows and near and 0.8 <= gaps[0] <= 2.5,
        f"under HTTP 503 the polls came {shown} s apart",
        "About 1, 2, 4 ... s, each within a tenth, up to a cap.",
    )
    fault.clear()
    _expect_return(trial, 2.2 * max(gaps) + 2, "after HTTP 503")
    _expect_pause(trial)
    down = trial.fault("down")
    trial.pass_time(AWAY)
    down.clear()
    _expect_return(trial, 2.2 * AWAY, f"after {AWAY} s without a connection")
    return f"{shown} s under 503, Retry-After heeded; back after it, and after {AWAY} s offline"


def _expect_return(trial: Trial, seconds: float, what: str) -> None:
    after = trial.mark()
    trial.pass_until(lambda: trial.count("oadrPoll", after=after) > 0, seconds)
    demand(trial.count("oadrPoll", after=after), f"no poll came within {seconds:.0f} s {what}")


def _expect_pause(trial: Trial) -> None:
    trial.await_polls(2)
    fault = trial.fault(Status(503, retry_after=RETRY_AFTER, service="OadrPoll", times=1))
    after = trial.mark()
    trial.pass_until(lambda: trial.count("oadrPoll", after=after) > 1, 4 * RETRY_AFTER)
    fault.clear()
    gaps = seconds_between(trial.all_of("oadrPoll", after=after)[:2])
    demand(
        gaps and gaps[0] >= RETRY_AFTER - 0.1,
        f"HTTP 503 with Retry-After: {RETRY_AFTER} was followed by a poll after "
        f"{gaps[0] if gaps else 4 * RETRY_AFTER:.1f} s",
        "Wait as long as Retry-After says, at the least.",
    )


def _doubled_pauses(first: float) -> list[float]:
    cap = 60.0
    return [min(max(1.0, round(first)) * 2**number, cap) for number in range(STEPS)]


class _SlowRequest(Fault):
    """The reply that brings requests for reports comes late."""

    def __init__(self) -> None:
        super().__init__(service="OadrPoll")
        self.slowed: Optional[Received] = None

    def after(self, received: Received, reply: Reply) -> Reply:
        """``reply``, late if it is such a one."""
        if not isinstance(reply.record, CreateReport):
            return reply
        self.slowed = received
        return replace(reply, delay=WAIT)


@row(74, "waits 5 s for a reply", "H", "§9.1.6", pics="B")
def patience(trial: Trial) -> str:
    trial.begin()
    slow = _SlowRequest()
    trial.fault(slow)
    after = trial.mark()
    trial.vtn.request_metadata()
    taken = trial.expect("oadrCreatedReport", after=after, seconds=30, advice=PATIENT)
    polled = slow.slowed
    meanwhile = [each for each in trial.all_of("oadrPoll", after=after) if each.order < taken.order]
    demand(
        polled is not None and all(each.order <= polled.order for each in meanwhile),
        f"a reply came after {WAIT} s; the VEN polled anew before it had it",
        PATIENT,
    )
    if trial.is_ours:
        timeout = trial.client.settings.timeout
        demand(timeout >= 5, f"timeout is {timeout:g} s", PATIENT)
    return f"a reply that came after {WAIT} s was taken"
