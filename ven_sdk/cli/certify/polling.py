"""Rows on polling (rules P)."""

from __future__ import annotations

from .rows import demand, row
from .stage import Stage
from .staging import PERIOD
from .world import seconds_between

POLLS = 21
ANSWERS = {
    "oadrRegisterReport": "oadrRegisteredReport",
    "oadrCreateReport": "oadrCreatedReport",
    "oadrCancelReport": "oadrCanceledReport",
}
"""What is queued, and what it is answered with."""
LATEST = 1.1
"""Jitter lengthens an interval by a tenth at the most."""


@row(13, "drains the queue in one round", "P", "CR 500", pics="B", poll_frequency=30)
def drain_queue(stage: Stage) -> str:
    stage.begin()
    after = stage.mark()
    stage.vtn.offer_reports()
    stage.vtn.request_metadata()
    stage.vtn.cancel_report("never-made")
    event_id = stage.add_event(dtstart=3600)
    wanted = tuple(ANSWERS.values())
    stage.expect(wanted[0], after=after)
    began = stage.now()

    def find_missing() -> list[str]:
        found = [kind for kind in wanted if not stage.count(kind, after=after)]
        return found if stage.is_given(event_id) else [*found, "the event was not fetched"]

    stage.pass_until(lambda: not find_missing(), 25)
    took = (stage.now() - began).total_seconds()
    demand(
        not find_missing(),
        f"25 s after the first of four queued messages was answered, there was no "
        f"{', '.join(find_missing())}. {stage.vtn.story(after)}",
        "Poll again at once until the reply is an oadrResponse.",
    )
    if stage.is_ours:  # another VEN may poll on meanwhile (Annex C)
        _expect_answers_between_polls(stage, after)
    return f"four messages in {took:.1f} s, at 30 s between polls"


def _expect_answers_between_polls(stage: Stage, after: int) -> None:
    polls = stage.all_of("oadrPoll", after=after)
    for poll, following in zip(polls, polls[1:]):
        got = "" if poll.answer is None else poll.answer.wire_name
        kind = ANSWERS.get(got)
        sent = [] if kind is None else stage.all_of(kind, after=poll.order)
        demand(
            kind is None or (sent and sent[0].order < following.order),
            f"it polled again before it answered {got}",
            "Answer what came, then poll again.",
        )


@row(14, "keeps the poll interval, and lengthens it at the most", "P", "CR 500, §9.1.8", pics="B")
def poll_interval(stage: Stage) -> str:
    stage.begin()
    after = stage.mark()
    stage.polls(POLLS, seconds=POLLS * PERIOD * 3)
    gaps = seconds_between(stage.all_of("oadrPoll", after=after))
    close = 0.0 if stage.clock is not None else 0.1
    short = min(gaps)
    demand(
        short >= PERIOD - close - 1e-3,
        f"asked for was {PERIOD} s between polls; the shortest of {len(gaps)} was {short:.2f} s",
        "Never poll sooner than asked; let jitter only lengthen the interval.",
    )
    if stage.is_ours:
        demand(
            max(gaps) <= PERIOD * LATEST + close + 0.01,
            f"the longest interval was {max(gaps):.2f} s",
            "Jitter lengthens an interval by a tenth at the most. Is poll_frequency set?",
        )
    return f"{len(gaps)} intervals from {short:.2f} to {max(gaps):.2f} s"


@row(15, "answers while a poll is held back until the answer comes", "P", "§8.6, CR 500, Annex C")
def held_poll(stage: Stage) -> str:
    stage.begin()
    if not stage.is_ours:
        return _held_until_any_answer(stage)
    event_id = stage.add_event(dtstart=3600)
    first = stage.answer(event_id)
    held = stage.hold_polls(lambda: True)
    stage.pass_until(lambda: held.count > 0, 30)
    demand(held.count, "no poll came while the VTN waited for an answer")
    stage.pass_time(3)
    before = len(stage.answers(event_id))
    decide = stage.client.opt_out if first.opt_type == "optIn" else stage.client.opt_in
    decide(event_id)
    stage.pass_until(lambda: len(stage.answers(event_id)) > before, 2)
    answered = len(stage.answers(event_id)) > before
    held.release()
    demand(
        answered,
        "a poll was held back, and the answer did not come within 2 s of its decision",
        "Send answers on a connection of their own, not behind the poll.",
    )
    stage.polls(1)
    demand(not stage.errors, f"a held poll was taken for a broken link: {stage.errors[:1]}")
    return "the answer came within 2 s; no link was called broken"


def _held_until_any_answer(stage: Stage) -> str:
    """When a VEN that cannot be called decides is not known: polls wait for its first answer."""
    event_id = stage.add_event(dtstart=3600, announce=False)
    held = stage.hold_polls(
        lambda: stage.is_given(event_id) and not stage.answers(event_id),
    )
    stage.vtn.announce()
    stage.answer(event_id, seconds=30)
    held.release()
    stage.polls(1)
    return "the answer came while polls were left unanswered"


@row(16, "polls often enough for its events (a note)", "P", "CR 500", pics="B")
def often_enough(stage: Stage) -> str:
    stage.need_ours()
    stage.begin()
    event_id = stage.add_event(dtstart=3600, duration=900)
    period = stage.client.poll_frequency.total_seconds()
    length = stage.vtn.events[event_id].active_period.duration.total_seconds()
    if period > length / 5:
        return f"note: it polls every {period:g} s, more than a fifth of an event of {length:g} s"
    return f"every {period:g} s; a fifth of an event of {length:g} s is {length / 5:g} s"
