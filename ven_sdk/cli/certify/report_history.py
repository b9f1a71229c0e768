"""Rows on what a VEN has at hand when it is asked: values that are missing, sums, history, the last
points (rules T).
"""

from __future__ import annotations

from .report_requests import ask, await_reports, code_for, good_values, offer_of, request
from .rows import demand, row, skip
from .trial import Trial


@row(64, "marks a value that is missing", "T", "CR 300, 318", pics="F")
def missing_value(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    offer = offer_of(trial, "USAGE", sums=False)
    trial.is_silent = True
    wanted = ask(trial, request(trial, offer))
    report = await_reports(trial, wanted, seconds=20)[0]
    trial.expect_rules("CR 300", "CR 318")
    qualities = {
        payload.data_quality or "none"
        for interval in report.intervals
        for payload in interval.report_payloads
    }
    demand(
        all(quality.startswith("Quality Bad") for quality in qualities),
        f"values that the callback did not give are marked {', '.join(sorted(qualities))}",
        "Send a placeholder of the Quality Bad family.",
    )
    return ", ".join(sorted(qualities))


@row(65, "has a sum at hand before it is asked", "T", "CR 337", pics="F")
def sum_at_hand(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE", sums=True)
    trial.pass_time(3 * offer.step)
    wanted = ask(trial, request(trial, offer))
    report = await_reports(trial, wanted, seconds=5)[0]
    interval = report.intervals[0]
    payload = interval.report_payloads[0]
    demand(
        interval.duration and not (payload.data_quality or "").startswith("Quality Bad"),
        f"a one-shot of a sum has duration {interval.duration} and quality {payload.data_quality}",
        "Sample sums all the time; a one-shot is the last complete one, with its duration.",
    )
    return f"the last complete sample, of {interval.duration}"


@row(66, "serves history by its span", "T", "CR 317, 325, 340", pics="F")
def history(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "HISTORY")
    kept = offer.duration.total_seconds()
    span = min(kept / 2, 3600)
    some = ask(trial, request(trial, offer, interval=(-span, span / 2)))
    rows = [i for report in await_reports(trial, some) for i in report.intervals]
    since = ask(trial, request(trial, offer, interval=(-span, 0)))
    everything = [i for report in await_reports(trial, since) for i in report.intervals]
    demand(
        len(everything) > len(rows) > 0,
        f"half of the span has {len(rows)} rows, everything since its start {len(everything)}",
        "Duration 0 is everything since dtstart.",
    )
    much = code_for(trial, request(trial, offer, interval=(-4 * kept, 0)))
    demand(
        much == "454", f"four times of what is kept got {much}", "Answer 454: more than offered."
    )
    return f"{len(rows)} rows of a span, {len(everything)} since its start, 454 beyond the log"


@row(67, "keeps its last 100 data points", "T", "CR 510", poll_frequency=60)
def last_points(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE", sums=False)
    step = offer.step
    if trial.clock is None:
        skip("it takes minutes in real time")
    lost = ask(trial, request(trial, offer, granularity=step, back=60 * step, interval=(0, 0)))
    trial.pass_time(104 * step)
    if not good_values(await_reports(trial, lost)):
        skip("the VEN had no value meanwhile: somebody else has to push them")
    wanted = ask(
        trial,
        request(
            trial, offer, granularity=step, back=100 * step, interval=(-100 * step, 100 * step)
        ),
    )
    good = good_values(await_reports(trial, wanted))
    points = len(offer.points)
    demand(
        len(good) >= 98 * points,
        f"of the last 100 values of {points} points, {len(good)} were at hand",
        "Keep at least 100 values of each requested point.",
    )
    return f"{len(good)} of {100 * points} values of the past ({lost} ran)"
