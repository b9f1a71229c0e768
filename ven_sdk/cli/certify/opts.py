"""Rows on opts (rules O1). They call the client: a VEN sends opts when its user says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Callable

from ...errors import ConfigurationError, StateError, VenError
from ...oadr20b.schema.opt import CreateOpt
from ...schema.common import Target
from .rows import Arguments, demand, not_shown, row
from .trial import Trial

HOUR = 3600


def _create(trial: Trial, **arguments: Any) -> CreateOpt:
    """What went out for ``create_opt``. Raises ``NotShown`` where it failed."""
    after = trial.mark()
    try:
        trial.call(lambda: trial.client.create_opt(**arguments))
    except VenError as error:
        not_shown(f"create_opt() ended with: {error}")
    sent = trial.expect("oadrCreateOpt", after=after).record
    assert isinstance(sent, CreateOpt)
    return sent


def _refused_here(trial: Trial, kind: str, what: str, call: Callable[[], object]) -> None:
    """The call is refused without a message."""
    after = trial.mark()
    try:
        trial.call(call)
    except (ConfigurationError, StateError):
        pass  # as the row wants it
    except VenError as error:
        not_shown(f"{what} ended with: {error}")
    demand(not trial.count(kind, after=after), f"{what} was sent", "Refuse it before it is sent.")


def _window(trial: Trial, begin: float, seconds: float) -> Arguments:
    start = trial.now().replace(microsecond=0) + timedelta(seconds=begin)
    return {"dtstart": start, "duration": timedelta(seconds=seconds)}


@row(44, "opts one resource of an event", "O1", "CR 206, 510", pics="G")
def opt_of_a_resource(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    targets = [Target(resource_id="meter-a"), Target(resource_id="meter-b")]
    event_id = trial.add_event(dtstart=HOUR, targets=targets)
    trial.answer(event_id)
    sent = _create(
        trial,
        opt_type="optOut",
        opt_reason="economic",
        event_id=event_id,
        targets=[{"resource_id": "meter-a"}],
    )
    trial.expect_rules("CR 204", "CR 206")
    demand(
        (sent.event_id, sent.modification_number) == (event_id, 0),
        f"the opt is about {sent.event_id!r}, number {sent.modification_number}",
    )
    demand(
        list(sent.targets) == targets[:1],
        f"the opt names {list(sent.targets)}, wanted was meter-a",
        "Name the resources that the opt is about.",
    )
    count = len(trial.answers(event_id))
    trial.vtn.announce()
    trial.answer(event_id, number=count + 1)
    trial.expect_rules("CR 42", "CR 12")
    return "event and number, its resource, neither window nor market context"


@row(45, "sends no opt for an event that wants no response", "O1", "CR 206", pics="G")
def opt_of_a_silent_event(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    event_id = trial.add_event(dtstart=HOUR, response_required="never")
    trial.await_polls(3)
    arguments: dict[str, Any] = {"opt_type": "optOut", "opt_reason": "economic"}
    arguments["event_id"] = event_id
    _refused_here(
        trial,
        "oadrCreateOpt",
        "an opt for an event that wants no response",
        lambda: trial.client.create_opt(**arguments),
    )
    return "refused before it was sent"


@row(46, "sends schedules of start and duration", "O1", "CR 200, 202, 204, 210", pics="G")
def schedule(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    windows = [_window(trial, HOUR, 1800), _window(trial, 2 * HOUR, 0)]
    sent = _create(trial, opt_type="optOut", opt_reason="notParticipating", vavailability=windows)
    trial.expect_rules("CR 200", "CR 204", "CR 206")
    assert sent.vavailability is not None
    lengths = [each.duration.total_seconds() for each in sent.vavailability.components]
    demand(lengths == [1800, 0], f"windows of 1800 and 0 s went out as {lengths}")
    own = trial.vtn.ven().ven_id
    demand(
        all(target.ven_id == own for target in sent.targets),
        f"a schedule of the whole VEN names {list(sent.targets)}",
    )
    return f"two windows, one without end; target: {'its venID' if sent.targets else 'none'}"


@row(47, "withdraws schedules, and no opts of events", "O1", "CR 208, 211", pics="G")
def cancel_opts(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    windows = [_window(trial, HOUR, 1800)]
    sent = _create(trial, opt_type="optOut", opt_reason="economic", vavailability=windows)
    after = trial.mark()
    trial.call(lambda: trial.client.cancel_opt(sent.opt_id))
    cancel = trial.expect("oadrCancelOpt", after=after).record
    demand(getattr(cancel, "opt_id", None) == sent.opt_id, "another optID was withdrawn")
    event_id = trial.add_event(dtstart=HOUR)
    trial.answer(event_id)
    arguments = {"opt_type": "optOut", "opt_reason": "economic", "event_id": event_id}
    opt = _create(trial, **arguments)
    _refused_here(
        trial,
        "oadrCancelOpt",
        "withdrawing the opt of an event",
        lambda: trial.client.cancel_opt(opt.opt_id),
    )
    return "the schedule by its ID; the opt of an event is refused here"


@row(48, "limits schedules to a context and a device class", "O1", "CR 205, 209", pics="G")
def limited_schedule(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    sent = _create(
        trial,
        opt_type="optOut",
        opt_reason="economic",
        vavailability=[_window(trial, HOUR, 1800)],
        market_context=trial.context,
        signal_target_mrid="Thermostat",
    )
    trial.expect_rules("CR 209")
    demand(
        sent.market_context == trial.context and sent.signal_target_mrid == "Thermostat",
        f"the schedule is for {sent.market_context!r} and {sent.signal_target_mrid!r}",
    )
    _refused_here(
        trial,
        "oadrCreateOpt",
        "a device class that is not of the list",
        lambda: trial.client.create_opt(
            opt_type="optOut",
            opt_reason="economic",
            vavailability=[_window(trial, HOUR, 1800)],
            signal_target_mrid="Toaster",
        ),
    )
    return "context and Thermostat; a class that is not of the list is refused here"
