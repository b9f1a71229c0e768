"""Rows on start and registration (rules R)."""

from __future__ import annotations

from typing import Optional

from ...oadr20b.schema.registration import CreatedPartyRegistration, CreatePartyRegistration
from ...oadr20b.schema.reports import UpdateReport
from ...testing import Fault, Received, Refuse, Reply
from ...testing.vtn.journal import code_of
from .report_requests import (
    Offer,
    ask,
    await_reports,
    good_values,
    offers,
    offers_of,
    request,
    updates,
)
from .rows import demand, not_shown, row, skip
from .trial import Trial
from .trial_parts import seconds_between

CREATE = "oadrCreatePartyRegistration"
QUIET = 30.0


def _registration(message: Received) -> CreatePartyRegistration:
    assert isinstance(message.record, CreatePartyRegistration)
    return message.record


@row(1, "registers without IDs, whatever the query said", "R", "CR 402, 404", pics="A, B")
def first_registration(trial: Trial) -> str:
    trial.begin()
    sent = _registration(trial.all_of(CREATE)[0])
    demand(
        not sent.registration_id,
        f"the first registration named registrationID {sent.registration_id!r}",
        "Send registrationID only to renew a registration that stands.",
    )
    own = trial.client.settings.ven_id if trial.is_ours else sent.ven_id
    demand(
        not sent.ven_id or sent.ven_id == own,
        f"the first registration named venID {sent.ven_id!r}",
        "Send venID only where the VTN's operator gave it beforehand.",
    )
    return "registered without IDs" if not sent.ven_id else f"registered as {sent.ven_id!r}"


@row(2, "registers although the query was refused", "R", "§8.4.1, R2")
def refused_query(trial: Trial) -> str:
    trial.fault(Refuse("459", "no queries here", message="oadrQueryRegistration", bare=True))
    trial.power_up()
    trial.expect(CREATE, advice="A query is optional: register all the same.")
    asked = trial.count("oadrQueryRegistration")
    return "asked, was refused, and registered" if asked else "registers without a query"


@row(3, "sends its catalogue and asks for events before it polls", "R", "CR 301, 309, 405")
def bootstrap(trial: Trial) -> str:
    trial.begin()
    kinds = [each.kind for each in trial.vtn.received]
    before = kinds[kinds.index(CREATE) + 1 : kinds.index("oadrPoll")]
    wanted = ["oadrRegisterReport"]
    if not _registration(trial.all_of(CREATE)[0]).report_only:
        wanted.append("oadrRequestEvent")
    missing = [kind for kind in wanted if kind not in before]
    demand(
        not missing,
        f"before the first poll came {', '.join(before) or 'nothing'}; missing is "
        f"{' and '.join(missing)}",
        "After a new registration: the catalogue (also an empty one), then oadrRequestEvent.",
    )
    others = [kind for kind in before if kind not in (*wanted, "oadrCreatedReport")]
    demand(not others, f"before the first poll came {', '.join(others)}")
    return f"before the first poll: {', '.join(before)}"


@row(4, "fills in every field of its registration", "R", "CR 402, §8.4.2", pics="A, B, C")
def fields_of_registration(trial: Trial) -> str:
    trial.begin()
    sent = _registration(trial.all_of(CREATE)[0])
    trial.expect_rules("CR 402")
    if trial.is_ours:
        settings = trial.client.settings
        demand(
            (sent.report_only, sent.xml_signature)
            == (settings.report_only, settings.xml_signature),
            f"oadrReportOnly is {sent.report_only}, oadrXmlSignature {sent.xml_signature}; the VEN "
            f"is set to {settings.report_only} and {settings.xml_signature}",
        )
    return (
        f"{sent.profile_name}, {sent.transport_name}, pull {sent.http_pull_model}, report only "
        f"{sent.report_only}, signatures {sent.xml_signature}"
    )


@row(5, "tries again with growing distance where it is refused", "R", "R9, CR 517")
def refused_registration(trial: Trial) -> str:
    trial.fault(Refuse("463", message=CREATE, times=3))
    trial.fault(Refuse("452", message=CREATE, times=2, skip=3))
    trial.power_up()
    trial.pass_until(lambda: trial.count(CREATE) >= 6, 600)
    tries = trial.all_of(CREATE)
    demand(
        len(tries) >= 6,
        f"after {len(tries)} refused registrations no other came",
        "Go on trying, with growing distance.",
    )
    polls = [each for each in trial.all_of("oadrPoll") if each.order < tries[5].order]
    demand(not polls, "it polled without a registration", "Poll only once registered.")
    named = [each for each in tries[:6] if _registration(each).registration_id]
    demand(not named, "it sent a registrationID that it did not get")
    gaps = seconds_between(tries[:6])
    grows = all(later >= 0.8 * earlier for earlier, later in zip(gaps, gaps[1:]))
    shown = ", ".join(f"{gap:.1f}" for gap in gaps)
    demand(
        grows and gaps[-1] >= 1.5 * gaps[0] and gaps[0] >= 0.3,
        f"the distances between attempts were {shown} s",
        "Double the distance after each refusal.",
    )
    return f"tried again after {shown} s"


@row(6, "registers again when it is asked to", "R", "§8.4.1, CR 405")
def asked_to_register(trial: Trial) -> str:
    trial.begin()
    before = trial.vtn.ven()
    ids = (before.ven_id, before.registration_id)
    after = trial.mark()
    trial.vtn.request_reregistration()
    again = trial.expect(CREATE, after=after, advice="Register again when the VTN asks for it.")
    answers = trial.all_of("oadrResponse", after=after)
    demand(
        answers and answers[0].order < again.order,
        "oadrRequestReregistration got no oadrResponse before the registration",
        "Answer oadrResponse first, then register as an exchange of its own.",
    )
    told = getattr(answers[0].record, "ven_id", None)
    demand(told == before.ven_id, f"its oadrResponse has venID {told!r}", "Name the venID in it.")
    sent = _registration(again)
    demand(
        (sent.ven_id, sent.registration_id) == ids,
        f"registered again as {sent.ven_id!r}, {sent.registration_id!r}; current are {ids}",
        "Name the current IDs: without them it is a new registration.",
    )
    trial.pass_time(5)
    for kind in ("oadrRegisterReport", "oadrRequestEvent"):
        demand(
            not trial.count(kind, after=after) or not trial.is_ours,
            f"{kind} came again, although the registration is the same",
        )
    return "oadrResponse, then a registration with the current IDs"


class _SameIds(Fault):
    """A new registration gets the IDs of the one before."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(message=CREATE)
        self._stage, self._old = trial, trial.vtn.ven().registration_id

    def after(self, received: Received, reply: Reply) -> Reply:
        """The same reply, with the old ID."""
        record = reply.record
        assert isinstance(record, CreatedPartyRegistration)
        self._stage.vtn.ven().registration_id = self._old
        record = record.replace(registration_id=self._old)
        return Reply(body=self._stage.vtn.message(record), record=record)


@row(7, "takes a new registration as new, also with the IDs of before", "R", "CR 406")
def same_ids_again(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    running = _start_request(trial)
    if running is not None:
        trial.pass_until(lambda: bool(updates(trial, running[0])), 4 * running[1].step)
    trial.fault(_SameIds(trial))
    after = trial.mark()
    trial.call(lambda: trial.client.register(new=True))
    sent = _registration(trial.expect(CREATE, after=after))
    demand(not sent.registration_id, "a new registration was asked for with the old ID")
    advice = "The VTN has erased everything: send the catalogue and ask for events again."
    trial.expect("oadrRegisterReport", after=after, advice=advice)
    if not sent.report_only:
        trial.expect("oadrRequestEvent", after=after, advice=advice)
    if running is None:
        return "catalogue and list of events anew"
    request_id, offer = running
    trial.pass_time(5 * offer.step)
    demand(
        not updates(trial, request_id, after=after),
        "a request of before the registration goes on",
        "A new registration ends all requests; the VTN asks again.",
    )
    return "catalogue and list of events anew, requests ended"


def _start_request(trial: Trial) -> Optional[tuple[str, Offer]]:
    """A periodic request of the first telemetry on offer; None where there is none."""
    for report, offer in zip(offers(trial), offers_of(trial)):
        if "TELEMETRY" in str(report.report_name) and offer.points:
            step = offer.step
            wanted = request(trial, offer, granularity=step, back=2 * step, interval=(0, 0))
            return ask(trial, wanted), offer
    return None


@row(8, "checks the IDs of a cancellation, and is silent after it", "R", "CR 400, 407")
def cancelled_by_vtn(trial: Trial) -> str:
    trial.begin()
    after = trial.mark()
    trial.vtn.cancel_registration(registration_id="of-somebody-else")
    wrong = trial.expect("oadrCanceledPartyRegistration", after=after)
    demand(
        code_of(wrong.record) == "452",
        f"a cancellation with a wrong registrationID was answered {code_of(wrong.record)}",
        "Answer 452 and stay registered.",
    )
    trial.await_polls(2)
    after = trial.mark()
    trial.vtn.cancel_registration()
    right = trial.expect("oadrCanceledPartyRegistration", after=after)
    demand(code_of(right.record) == "200", f"the cancellation got {code_of(right.record)}")
    trial.pass_time(QUIET)
    more = [each.kind for each in trial.vtn.received if each.order > right.order]
    demand(
        not more,
        f"after the cancellation came {', '.join(more[:3])}",
        "Stop polling and reporting once the registration is cancelled.",
    )
    if trial.is_ours and trial.client.settings.ven_id is None:
        demand(
            trial.client.ven_id is None and trial.client.registration_id is None,
            "IDs that the VTN had given are still known",
        )
    return "452 for wrong IDs; 200 for the right ones, then silence"


@row(9, "tries to register at power-up", "R", "CR 401")
def power_up(trial: Trial) -> str:
    trial.begin()
    trial.vtn.cancel_registration()
    trial.expect("oadrCanceledPartyRegistration")
    trial.power_down()
    after = trial.mark()
    trial.power_up()
    trial.expect(CREATE, after=after, advice="Register when the device is switched on.")
    return "registered after the restart"


@row(10, "cancels its registration with both IDs", "R", "CR 401")
def cancelled_by_ven(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    ven = trial.vtn.ven()
    ids = (ven.ven_id, ven.registration_id)
    try:
        trial.call(trial.client.cancel_registration)
    except Exception as error:
        not_shown(f"cancel_registration() ended with: {error}")
    sent = trial.expect("oadrCancelPartyRegistration").record
    found = (getattr(sent, "ven_id", None), getattr(sent, "registration_id", None))
    demand(found == ids, f"the cancellation named {found}, the registration has {ids}")
    after = trial.mark()
    trial.pass_time(QUIET)
    more = [each.kind for each in trial.vtn.received if each.order > after]
    demand(not more, f"after the cancellation came {', '.join(more[:3])}")
    return "both IDs; silence after the 200"


@row(11, "registers again when the VTN does not know it", "R", "CR 500, 517")
def forgotten_by_vtn(trial: Trial) -> str:
    trial.begin()
    shown = [_expect_one_registration(trial, "452", "oadrPoll")]
    after = trial.mark()
    trial.fault(Refuse("459", message="oadrPoll", times=1, bare=True))
    trial.await_polls(3)
    trial.expect_none(CREATE, after=after, text="it registered again after a 459 to a poll")
    if any("TELEMETRY" in str(report.report_name) for report in offers(trial)):
        shown.append(_forget_while_it_reports(trial))
    else:
        shown.append(_expect_one_registration(trial, "463", "oadrPoll"))
    return f"{'; '.join(shown)}; 459 to a poll: it polls on"


def _expect_one_registration(trial: Trial, code: str, kind: str) -> str:
    """It registers once after this code to such a message."""
    after = trial.mark()
    trial.fault(Refuse(code, message=kind, times=1, bare=True))
    trial.expect(CREATE, after=after, advice=f"{code} means that the VTN does not know the VEN.")
    trial.await_polls(2)
    count = trial.count(CREATE, after=after)
    demand(count == 1, f"{code} to {kind} led to {count} registrations")
    return f"{code} to {kind}: one registration"


def _forget_while_it_reports(trial: Trial) -> str:
    offer = offers_of(trial)[0]
    for each in offers_of(trial):
        offer = each if each.points and each.step <= offer.step else offer
    step = offer.step

    def ask_again() -> str:
        return ask(trial, request(trial, offer, granularity=step, back=3 * step, interval=(0, 0)))

    await_reports(trial, ask_again(), seconds=12 * step)
    shown = _expect_one_registration(trial, "463", "oadrUpdateReport")
    lost = trial.all_of("oadrUpdateReport")[-1].record
    found = await_reports(trial, ask_again(), seconds=12 * step)[0]
    if not trial.is_ours or not isinstance(lost, UpdateReport) or not good_values(lost.reports):
        return shown
    first, again = lost.reports[0].intervals[0].dtstart, found.intervals[0].dtstart
    demand(
        first is not None and again is not None and again <= first,
        f"the report that was refused began at {first}; once it was asked again, data began at "
        f"{again}",
        "Keep samples over a registration: they are for the next request of the same data.",
    )
    return f"{shown}, its samples kept"


@row(12, "has venID and schemaVersion in every message", "R", "CR 508, 509", at_end=True)
def ids_everywhere(trial: Trial) -> str:
    messages = [each for _, each in trial.run.received if each.record is not None]
    if not messages:
        skip("no other row was run")
    for each in messages:
        for what in each.deviations:
            if "CR 508" in what or "CR 509" in what or "rule G2" in what or "CR 512" in what:
                not_shown(f"{each.kind}: {what}", "Put both into every message.")
    return f"{len(messages)} messages"
