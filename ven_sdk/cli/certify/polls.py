"""Rows on polling (rules P)."""

from __future__ import annotations

from .rows import demand, row
from .trial import Trial
from .trial_base import PERIOD
from .trial_parts import seconds_between

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
def drain_queue(trial: Trial) -> str:
    trial.begin()
    after = trial.mark()
    trial.vtn.offer_reports()
    trial.vtn.request_metadata()
    trial.vtn.cancel_report("never-made")
    event_id = trial.add_event(dtstart=3600)
    wanted = tuple(ANSWERS.values())
    trial.expect(wanted[0], after=after)
    began = trial.now()

    def find_missing() -> list[str]:
        found = [kind for kind in wanted if not trial.count(kind, after=after)]
        return found if trial.is_given(event_id) else [*found, "the event was not fetched"]

    trial.pass_until(lambda: not find_missing(), 25)
    took = (trial.now() - began).total_seconds()
    demand(
        not find_missing(),
        f"25 s after the first of four queued messages was answered, there was no "
        f"{', '.join(find_missing())}. {trial.vtn.story(after)}",
        "Poll again at once until the reply is an oadrResponse.",
    )
    if trial.is_ours:  # another VEN may poll on meanwhile (Annex C)
        _expect_answers_between_polls(trial, after)
    return f"four messages in {took:.1f} s, at 30 s between polls"


def _expect_answers_between_polls(trial: Trial, after: int) -> None:
    polls = trial.all_of("oadrPoll", after=after)
    for poll, following in zip(polls, polls[1:]):
        got = "" if poll.answer is None else poll.answer.wire_name
        kind = ANSWERS.get(got)
        sent = [] if kind is None else trial.all_of(kind, after=poll.order)
        demand(
            kind is None or (sent and sent[0].order < following.order),
            f"it polled again before it answered {got}",
            "Answer what came, then poll again.",
        )


@row(14, "keeps the poll interval, and lengthens it at the most", "P", "CR 500, §9.1.8", pics="B")
def poll_interval(trial: Trial) -> str:
    trial.begin()
    after = trial.mark()
    trial.await_polls(POLLS, seconds=POLLS * PERIOD * 3)
    gaps = seconds_between(trial.all_of("oadrPoll", after=after))
    close = 0.0 if trial.clock is not None else 0.1
    short = min(gaps)
    demand(
        short >= PERIOD - close - 1e-3,
        f"asked for was {PERIOD} s between polls; the shortest of {len(gaps)} was {short:.2f} s",
        "Never poll sooner than asked; let jitter only lengthen the interval.",
    )
    if trial.is_ours:
        demand(
            max(gaps) <= PERIOD * LATEST + close + 0.01,
            f"the longest interval was {max(gaps):.2f} s",
            "Jitter lengthens an interval by a tenth at the most. Is poll_frequency set?",
        )
    return f"{len(gaps)} intervals from {short:.2f} to {max(gaps):.2f} s"


@row(15, "answers while a poll is held back until the answer comes", "P", "§8.6, CR 500, Annex C")
def held_poll(trial: Trial) -> str:
    trial.begin()
    if not trial.is_ours:
        return _held_until_any_answer(trial)
    event_id = trial.add_event(dtstart=3600)
    first = trial.answer(event_id)
    held = trial.hold_polls(lambda: True)
    trial.pass_until(lambda: held.count > 0, 30)
    demand(held.count, "no poll came while the VTN waited for an answer")
    trial.pass_time(3)
    before = len(trial.answers(event_id))
    decide = trial.client.opt_out if first.opt_type == "optIn" else trial.client.opt_in
    decide(event_id)
    trial.pass_until(lambda: len(trial.answers(event_id)) > before, 2)
    answered = len(trial.answers(event_id)) > before
    held.release()
    demand(
        answered,
        "a poll was held back, and the answer did not come within 2 s of its decision",
        "Send answers on a connection of their own, not behind the poll.",
    )
    trial.await_polls(1)
    demand(not trial.errors, f"a held poll was taken for a broken link: {trial.errors[:1]}")
    return "the answer came within 2 s; no link was called broken"


def _held_until_any_answer(trial: Trial) -> str:
    """When a VEN that cannot be called decides is not known: polls wait for its first answer."""
    event_id = trial.add_event(dtstart=3600, announce=False)
    held = trial.hold_polls(
        lambda: trial.is_given(event_id) and not trial.answers(event_id),
    )
    trial.vtn.announce()
    trial.answer(event_id, seconds=30)
    held.release()
    trial.await_polls(1)
    return "the answer came while polls were left unanswered"


@row(16, "polls often enough for its events (a note)", "P", "CR 500", pics="B")
def often_enough(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    event_id = trial.add_event(dtstart=3600, duration=900)
    period = trial.client.poll_frequency.total_seconds()
    length = trial.vtn.events[event_id].active_period.duration.total_seconds()
    if period > length / 5:
        return f"note: it polls every {period:g} s, more than a fifth of an event of {length:g} s"
    return f"every {period:g} s; a fifth of an event of {length:g} s is {length / 5:g} s"
