"""Rows on reports with data (rules T)."""

from __future__ import annotations

from typing import Any

from ...schema.points import ReportDescription
from ...testing import Refuse, Reset
from ...testing.vtn.journal import code_of
from .report_requests import (
    Offer,
    ask,
    await_reports,
    code_for,
    is_sum,
    offer_of,
    offers,
    offers_of,
    pending_requests,
    request,
    updates,
)
from .rows import demand, not_shown, row, skip
from .trial import Trial
from .trial_parts import seconds_between

RULES = ("CR 300", "CR 313", "CR 314", "CR 315", "CR 316", "CR 342")
DAY = 86400


@row(57, "sends a one-shot at once, whatever the interval", "T", "CR 324", pics="F")
def one_shot(trial: Trial) -> str:
    trial.begin()
    telemetry = [
        offer._replace(points=points)
        for report, offer in zip(offers(trial), offers_of(trial))
        if "TELEMETRY" in str(report.report_name)
        for points in _by_kind(offer)
    ]
    if not telemetry:
        skip("the VEN offers no telemetry")
    sent: list[str] = []
    trial.pass_time(10)
    intervals = {"none": None, "past": (-3600, 60), "endless": (0, 0), "tomorrow": (DAY, 60)}
    for offer in telemetry:
        for what, interval in intervals.items():
            asked = trial.now()
            wanted = ask(trial, request(trial, offer, granularity=3600, interval=interval))
            report = await_reports(trial, wanted, seconds=10)[0]
            took = (updates(trial, wanted)[0][0].at - asked).total_seconds()
            demand(
                len(report.intervals) == 1 and took <= 5,
                f"a one-shot of {offer.report_specifier_id!r} (interval: {what}) came after "
                f"{took:.1f} s with {len(report.intervals)} intervals",
                "Without reportBackDuration: one report at once, one interval.",
            )
            sent.append(wanted)
    trial.pass_time(3)
    counts = [len(updates(trial, wanted)) for wanted in sent]
    demand(set(counts) == {1}, "a one-shot came more than once")
    last = ask(trial, request(trial, telemetry[0]))
    pending = {*pending_requests(trial)} & {*sent} - {last}
    demand(not pending, f"one-shots that came are pending: {', '.join(sorted(pending))}")
    names = dict.fromkeys(offer.report_specifier_id for offer in telemetry)
    return f"{', '.join(names)}: one interval at once"


def _by_kind(offer: Offer) -> list[tuple[ReportDescription, ...]]:
    """The points that are sums and those that are not, each kind by itself."""
    kinds = [tuple(p for p in offer.points if is_sum(p) is wanted) for wanted in (False, True)]
    return [points for points in kinds if points]


@row(58, "sends periodic reports at their time", "T", "CR 317, 325, §8.3.2.2", pics="F")
def periodic(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE", sums=False)
    step = offer.step
    wide = min(10 * step, offer.slowest)
    if wide < 10:
        skip(f"the slowest sampling on offer is {wide:g} s: too short to be told from a poll")
    equal = ask(trial, request(trial, offer, granularity=wide, back=wide, interval=(0, 0)))
    asked = trial.now()
    await_reports(trial, equal, seconds=1.5 * wide)
    took = (updates(trial, equal)[0][0].at - asked).total_seconds()
    demand(
        took < wide / 2,
        f"with granularity and reportBackDuration {wide:g} s the first report came after "
        f"{took:.1f} s",
        "Where each report has one value, the first goes out at once.",
    )
    back = 4 * step
    asked = trial.now()
    many = ask(trial, request(trial, offer, granularity=step, back=back, interval=(0, 0)))
    reports = await_reports(trial, many, count=4, seconds=back * 6)
    sent = [message for message, _ in updates(trial, many)]
    took = (sent[0].at - asked).total_seconds()
    demand(took >= back * 0.9 - 1, f"the first report of {back:g} s came after {took:.1f} s")
    gaps = seconds_between(sent)
    demand(
        all(abs(gap - back) <= back * 0.25 + 1 for gap in gaps),
        f"reports came {', '.join(f'{gap:.1f}' for gap in gaps)} s apart, asked were {back:g}",
    )
    sizes = [len(report.intervals) for report in reports[1:]]
    demand(
        all(3 <= size <= 5 for size in sizes),
        f"reports of four samples have {', '.join(map(str, sizes))} intervals",
        "Each report has back/granularity intervals, give or take one.",
    )
    return f"every {wide:g} s at once; every {back:g} s with {sizes} intervals"


@row(59, "begins and ends when the interval says", "T", "CR 325, 341", pics="F")
def begin_and_end(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE")
    step = offer.step
    began = trial.now()
    wanted = request(trial, offer, granularity=step, back=2 * step, interval=(3 * step, 8 * step))
    request_id = ask(trial, wanted)
    trial.pass_time(2.5 * step)
    demand(not updates(trial, request_id), "a report came before its interval")
    trial.pass_time(12 * step)
    found = updates(trial, request_id)
    demand(found, "no report came in its interval")
    last = (found[-1][0].at - began).total_seconds()
    demand(
        last <= 11 * step + 2 * step + 2,
        f"the last report came {last:.1f} s after the request; the interval ended after "
        f"{11 * step:g} s",
    )
    first = found[0][1].intervals[0].dtstart
    start = wanted.report_specifier.report_interval
    assert first is not None and start is not None
    off = (first - start.dtstart).total_seconds()
    demand(-step - 1 <= off <= step + 1, f"the first interval is {off:.1f} s off the start")
    after = ask(trial, request(trial, offer, granularity=step, back=2 * step, interval=(0, 0)))
    demand(request_id not in pending_requests(trial), "it is pending after its end")
    demand(after in pending_requests(trial), "a new request is not pending")
    return "nothing before, the last at its end, not pending afterwards"


@row(60, "says that nothing changed", "T", "CR 317", pics="F")
def on_change(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "STATUS")
    wanted = ask(trial, request(trial, offer, granularity=0, back=2 * offer.step, interval=(0, 0)))
    reports = await_reports(trial, wanted, count=3, seconds=15 * offer.step)
    qualities = [
        payload.data_quality
        for report in reports[1:]
        for interval in report.intervals
        for payload in interval.report_payloads
    ]
    demand(
        "No New Value - Previous Value Used" in qualities,
        f"with granularity 0 the values that stood still were marked {set(qualities)}",
        "Send the last value as No New Value - Previous Value Used.",
    )
    return "a report each time; what stood still is marked"


@row(61, "takes requests whatever their readingType", "T", "CR 321, 338")
def reading_types(trial: Trial) -> str:
    trial.begin()
    everything = offers_of(trial)
    if not everything:
        skip("the VEN offers no reports")
    for offer in everything:
        code = code_for(trial, request(trial, offer, interval=(-600, 300)))
        demand(
            code.startswith("2"),
            f"a request of {offer.report_specifier_id!r} with x-notApplicable got {code}",
            "readingType means nothing in a request: do not compare it.",
        )
    return f"x-notApplicable and no itemBase for {len(everything)} reports"


@row(62, "refuses what it does not offer", "T", "CR 304, 317, 340", pics="F")
def not_offered(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE")
    step = offer.step
    cases = {
        "an unknown reportSpecifierID": (
            "452",
            request(trial, Offer("never-offered", offer.points), back=10, granularity=10),
        ),
        "an unknown rID": (
            "452",
            request(trial, offer, back=10 * step, granularity=step, r_ids=["never-offered"]),
        ),
        "a granularity below the offered one": (
            "4",
            request(trial, offer, granularity=step / 2, back=10 * step, interval=(0, 0)),
        ),
    }
    for report, log in zip(offers(trial), offers_of(trial)):
        if "HISTORY" in str(report.report_name):
            much = -4 * log.duration.total_seconds()
            cases["more history than is kept"] = "454", request(trial, log, interval=(much, 0))
    before = pending_requests(trial)
    for what, (wanted, asked) in cases.items():
        spacing = asked.report_specifier.granularity
        if spacing is not None and spacing.microseconds:
            continue  # the schema has no fractions
        code = code_for(trial, asked)
        demand(code.startswith(wanted), f"{what} got {code}, expected {wanted:x<3}")
        demand(
            asked.report_request_id not in pending_requests(trial),
            f"{what} is pending all the same",
        )
    demand(pending_requests(trial) == before, "what is pending has changed")
    return ", ".join(cases)


@row(63, "sends data in the order and form of the letter", "T", "CR 313-316, 342", at_end=True)
def form_of_data(trial: Trial) -> str:
    messages = [each for _, each in trial.run.received if each.kind == "oadrUpdateReport"]
    if not messages:
        skip("no row with reports was run, or none came")
    for message in messages:
        for what in message.deviations:
            if any(rule in what for rule in RULES) or "rule T" in what:
                not_shown(what)
    return f"{len(messages)} messages with data"


@row(68, "cancels what it is told to", "T", "CR 328, 329, 336, 345")
def cancellations(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE")
    step = offer.step

    def start_request() -> str:
        return ask(trial, request(trial, offer, granularity=step, back=2 * step, interval=(0, 0)))

    first, second, third, fourth, fifth = (start_request() for _ in range(5))

    def cancel(*names: str, **more: Any) -> Any:
        after = trial.mark()
        trial.vtn.cancel_report(*names, **more)
        return trial.expect("oadrCanceledReport", after=after).record

    answer = cancel(first)
    rest = {second, third, fourth, fifth}
    demand(
        code_of(answer) == "200" and set(answer.pending_reports) == rest,
        f"after one of five was cancelled, {sorted(answer.pending_reports)} are pending",
        "List all that still run.",
    )
    demand(code_of(cancel("never-made")).startswith("4"), "an unknown ID was no error")
    demand(code_of(cancel(second, third)) == "200", "two at once could not be cancelled")
    demand(code_of(cancel(fourth, report_to_follow=True)) == "200", "no report to follow")
    after = trial.all_of("oadrCanceledReport")[-1].order
    trial.pass_time(6 * step)
    more = len(updates(trial, fourth, after=after))
    demand(more == 1, f"with reportToFollow came {more} more reports, expected was one")
    after = trial.mark()
    trial.vtn.cancel_report(fifth, piggyback=True)
    trial.expect("oadrUpdateReport", after=after, seconds=6 * step)
    after = trial.mark()
    trial.pass_time(6 * step)
    demand(not updates(trial, fifth, after=after), "it reports after a cancel in oadrUpdatedReport")
    demand(not trial.count("oadrCanceledReport", after=after), "such a cancel was answered")
    return "one, an unknown one, two, with a last report, inside oadrUpdatedReport"


@row(69, "stops an unknown report, and repeats a lost one", "T", "CR 304, 346")
def lost_report(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE")
    step = offer.step
    wanted = ask(trial, request(trial, offer, granularity=step, back=2 * step, interval=(0, 0)))
    trial.fault(Reset(message="oadrUpdateReport", times=1))
    trial.pass_until(lambda: len(updates(trial, wanted)) >= 2, 60)
    sent = updates(trial, wanted)
    demand(
        len(sent) >= 2 and sent[0][1].intervals[0] == sent[1][1].intervals[0],
        "a report whose answer was lost did not come again",
        "Send it again until it is acknowledged.",
    )
    trial.fault(Refuse("452", message="oadrUpdateReport", times=1))
    after = trial.mark()
    trial.expect("oadrUpdateReport", after=after, seconds=30)
    after = trial.mark()
    trial.pass_time(8 * step)
    demand(
        not updates(trial, wanted, after=after),
        "it reports on after a 452",
        "452 to a report: the VTN does not know the request. Stop it.",
    )
    return "came again after a broken connection; stopped after 452"


@row(70, "has the same parts in all statuses", "T", "CR 334", pics="F")
def parts_of_status(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "STATUS")
    wanted = ask(
        trial, request(trial, offer, granularity=offer.step, back=4 * offer.step, interval=(0, 0))
    )
    reports = await_reports(trial, wanted, count=2, seconds=20 * offer.step)
    parts = {
        tuple(name for name in _PARTS if getattr(payload.resource_status, name) is not None)
        for report in reports
        for interval in report.intervals
        for payload in interval.report_payloads
        if payload.resource_status is not None
    }
    demand(len(parts) == 1, f"the load control parts of statuses differ: {sorted(parts)}")
    return f"load control: {', '.join(next(iter(parts))) or 'none'}, in all intervals"


_PARTS = ("capacity", "level_offset", "percent_offset", "set_point")
