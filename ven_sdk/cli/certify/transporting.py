"""Rows on transport (rules H)."""

from __future__ import annotations

from ...testing import Slow, Status
from .rows import demand, not_shown, row, skip
from .stage import Stage
from .world import rules_in, seconds_between

HEAD = {"53", "511", "§9.1.3", "§9.1.9", "§9.1.9.1", "§9.1.9.4", "§9.1.9.5"}
WAIT = 4.9
MINUTE = 60


@row(
    71,
    "sends heads as the letter has them",
    "H",
    "CR 53, 511, §9.1.3, §9.1.9",
    pics="B",
    at_end=True,
)
def heads(stage: Stage) -> str:
    messages = [each for _, each in stage.run.received]
    if not messages:
        skip("no other row was run")
    for message in messages:
        for what in message.deviations:
            if rules_in(what) & HEAD or "rule H" in what:
                not_shown(f"{message.kind}: {what}")
    return f"{len(messages)} requests"


@row(72, "does not hammer a VTN that says no", "H", "§9.1.5")
def not_again(stage: Stage) -> str:
    stage.begin()
    for status in (404, 406, 501):
        after = stage.mark()
        fault = stage.fault(Status(status, service="OadrPoll"))
        stage.pass_until(lambda hit=fault: bool(hit.hits), 10)  # type: ignore[misc]
        stage.pass_time(MINUTE)
        count = stage.count("oadrPoll", after=after) - 1
        demand(
            count <= 1,
            f"after HTTP {status} to a poll, {count} more came within a minute",
            "What must not be sent again is tried once a minute at the most.",
        )
        fault.clear()
        stage.polls(2, seconds=400)
    return "404, 406, 501 to a poll: one attempt a minute at the most"


@row(73, "backs off by doubling, and comes back", "H", "§9.1.7", pics="B")
def back_off(stage: Stage) -> str:
    stage.begin()
    fault = stage.fault(Status(503, service="OadrPoll"))
    stage.pass_until(lambda: fault.hits >= 6, 300)
    gaps = seconds_between(stage.all_of("oadrPoll")[-fault.hits :])[:5]
    shown = ", ".join(f"{gap:.1f}" for gap in gaps)
    near = all(
        0.85 * wanted <= gap <= 1.15 * wanted + 0.2
        for gap, wanted in zip(gaps, _doubled_pauses(gaps[0] if gaps else 0))
    )
    grows = all(later >= 0.8 * earlier for earlier, later in zip(gaps, gaps[1:]))
    demand(
        len(gaps) == 5 and grows and near and 0.8 <= gaps[0] <= 2.5,
        f"under HTTP 503 the polls came {shown} s apart",
        "About 1, 2, 4 ... s, each within a tenth, up to a cap.",
    )
    fault.clear()
    after = stage.mark()
    stage.pass_until(lambda: stage.count("oadrPoll", after=after) > 0, 2.2 * max(gaps) + 2)
    demand(stage.count("oadrPoll", after=after), "it did not come back after the VTN did")
    return f"{shown} s under 503; back after it"


def _doubled_pauses(first: float) -> list[float]:
    cap = 60.0
    return [min(max(1.0, round(first)) * 2**number, cap) for number in range(5)]


@row(74, "waits 5 s for a reply", "H", "§9.1.6", pics="B")
def patience(stage: Stage) -> str:
    stage.begin()
    if stage.is_ours:
        timeout = stage.client.settings.timeout
        demand(timeout >= 5, f"timeout is {timeout:g} s", "A VEN waits at least 5 s for a reply.")
        return f"it waits {timeout:g} s"
    stage.fault(Slow(WAIT, message="oadrPoll", times=1))
    event_id = stage.add_event(dtstart=3600)
    stage.answer(event_id, seconds=30)
    return f"a reply after {WAIT} s was taken"
