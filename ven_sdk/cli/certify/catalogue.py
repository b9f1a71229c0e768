"""Rows on catalogues (rules T)."""

from __future__ import annotations

from datetime import timedelta

from ...oadr20b.schema.reports import RegisteredReport, RegisterReport, Report
from .report_requests import METADATA, ask, offer_of, offers, pending_requests, request
from .rows import demand, row, skip
from .trial import Trial

PERIOD, TIMES = 2, 4
"""Seconds between catalogues that the VTN asks for."""


@row(49, "offers a whole catalogue", "T", "CR 305, 308, 311, 312, 333", pics="F")
def whole_catalogue(trial: Trial) -> str:
    trial.begin()
    offered = offers(trial)
    trial.expect_rules("CR 305", "CR 308", "CR 311", "CR 312", "CR 333", "CR 339")
    points = [point.r_id for report in offered for point in report.report_descriptions]
    return f"{len(offered)} reports with {len(points)} data points: {', '.join(points)}"


@row(50, "gives well-known names only to well-known reports", "T", "CR 331", pics="F, H")
def well_known_names(trial: Trial) -> str:
    trial.begin()
    offered = offers(trial)
    trial.expect_rules("CR 331")
    return ", ".join(dict.fromkeys(str(report.report_name) for report in offered))


@row(51, "offers status and usage", "T", "CR 510", pics="F")
def status_and_usage(trial: Trial) -> str:
    trial.begin()
    offered = offers(trial)
    names = {str(report.report_name).removeprefix("METADATA_") for report in offered}
    missing = sorted({"TELEMETRY_STATUS", "TELEMETRY_USAGE"} - names)
    demand(
        not missing,
        f"the catalogue has no {' and no '.join(missing)}",
        "For certification a VEN offers both; sample data will do for usage.",
    )
    sources = [
        target.resource_id
        for report in offered
        if report.report_name == "METADATA_TELEMETRY_STATUS"
        for point in report.report_descriptions
        for target in point.report_data_source
    ]
    demand(any(sources), "the status names no resourceID", "Give add_report(resource_id=...).")
    return f"both; the status of {', '.join(filter(None, sources))}"


@row(52, "offers all three reports where it is report-only", "T", "CR 510", pics="A, F")
def report_only(trial: Trial) -> str:
    trial.begin()
    sent = trial.all_of("oadrCreatePartyRegistration")[0].record
    if not getattr(sent, "report_only", False):
        skip("the VEN is no report-only VEN")
    names = {str(report.report_name).removeprefix("METADATA_") for report in offers(trial)}
    missing = sorted({"TELEMETRY_STATUS", "TELEMETRY_USAGE", "HISTORY_USAGE"} - names)
    demand(not missing, f"the catalogue has no {', '.join(missing)}")
    return "usage, status and history"


@row(53, "registers reports also where it has none", "T", "CR 301, 305", pics="F")
def no_reports(trial: Trial) -> str:
    trial.begin()
    record = trial.expect("oadrRegisterReport").record
    assert isinstance(record, RegisterReport)
    after = trial.mark()
    trial.vtn.request_metadata()
    trial.expect(
        "oadrRegisterReport", after=after, advice="Serve METADATA, with or without reports."
    )
    what = f"{len(record.reports)} reports" if record.reports else "an empty catalogue"
    return f"{what}; METADATA is served"


@row(54, "answers METADATA with the catalogue, which ends requests", "T", "CR 306, 308, 311")
def metadata(trial: Trial) -> str:
    trial.begin()
    offer = offer_of(trial, "USAGE")
    step = offer.step
    running = ask(trial, request(trial, offer, granularity=step, back=2 * step, interval=(0, 0)))
    demand(running in pending_requests(trial), "a request that runs is not pending")
    after = trial.mark()
    wanted = trial.vtn.request_metadata()
    created = trial.expect("oadrCreatedReport", after=after)
    sent = trial.expect("oadrRegisterReport", after=after)
    demand(created.order < sent.order, "the catalogue came before oadrCreatedReport")
    named = getattr(sent.record, "report_request_id", None)
    demand(named == wanted, f"the catalogue names request {named!r}, asked was {wanted!r}")
    trial.expect_rules("CR 311")
    after = trial.mark()
    trial.pass_time(5 * step)
    demand(
        not trial.count("oadrUpdateReport", after=after),
        "a request went on after a catalogue was sent",
        "A catalogue, changed or not, ends all requests of before.",
    )
    return "oadrCreatedReport, the catalogue with the request's ID; requests of before ended"


@row(55, "sends the catalogue periodically where that is asked for", "T", "CR 324", pics="F")
def periodic_metadata(trial: Trial) -> str:
    trial.begin()
    wanted = ask(trial, request(trial, METADATA, back=PERIOD, interval=(0, 0), r_ids=["0"]))
    after = trial.mark()
    trial.pass_time(PERIOD * (TIMES + 0.5))
    count = trial.count("oadrRegisterReport", after=after)
    demand(
        abs(count - TIMES) <= 1,
        f"in {PERIOD * (TIMES + 0.5):g} s came {count} catalogues, one every {PERIOD} s was asked",
    )
    demand(wanted in pending_requests(trial), "a periodic METADATA request is not pending")
    trial.vtn.cancel_report(wanted)
    answer = trial.expect("oadrCanceledReport", after=after).record
    demand(wanted not in getattr(answer, "pending_reports", ()), "it is pending after its end")
    return f"one every {PERIOD} s, pending until it was cancelled"


@row(56, "takes the VTN's own catalogue", "T", "CR 301, 338, 344", pics="F")
def catalogue_of_the_vtn(trial: Trial) -> str:
    trial.begin()
    filled = Report(
        duration=timedelta(hours=1),
        report_descriptions=offers(trial)[0].report_descriptions if offers(trial) else (),
        report_request_id="0",
        report_specifier_id="of-the-vtn",
        report_name="METADATA_TELEMETRY_USAGE",
        created_date_time=trial.now(),
    )
    for reports in ((), (filled,)):
        after = trial.mark()
        trial.vtn.offer_reports(*reports)
        answer = trial.expect("oadrRegisteredReport", after=after).record
        assert isinstance(answer, RegisteredReport)
        demand(answer.response.ok, f"the catalogue got {answer.response.response_code}")
    trial.expect_rules("CR 508", "CR 308", "CR 321", "CR 338")
    return "oadrRegisteredReport with venID, for an empty and a filled one"
