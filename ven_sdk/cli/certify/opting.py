"""Rows on opts (rules O1). They call the client: a VEN sends opts when its user says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Callable

from ...errors import ConfigurationError, StateError, VenError
from ...oadr20b.schema.opt import CreateOpt
from ...schema.common import Target
from .rows import Arguments, demand, not_shown, row
from .stage import Stage

HOUR = 3600


def _create(stage: Stage, **arguments: Any) -> CreateOpt:
    """What went out for ``create_opt``. Raises ``NotShown`` where it failed."""
    after = stage.mark()
    try:
        stage.call(lambda: stage.client.create_opt(**arguments))
    except VenError as error:
        not_shown(f"create_opt() ended with: {error}")
    sent = stage.expect("oadrCreateOpt", after=after).record
    assert isinstance(sent, CreateOpt)
    return sent


def _refused_here(stage: Stage, kind: str, what: str, call: Callable[[], object]) -> None:
    """The call is refused without a message."""
    after = stage.mark()
    try:
        stage.call(call)
    except (ConfigurationError, StateError):
        pass  # as the row wants it
    except VenError as error:
        not_shown(f"{what} ended with: {error}")
    demand(not stage.count(kind, after=after), f"{what} was sent", "Refuse it before it is sent.")


def _window(stage: Stage, begin: float, seconds: float) -> Arguments:
    start = stage.now().replace(microsecond=0) + timedelta(seconds=begin)
    return {"dtstart": start, "duration": timedelta(seconds=seconds)}


@row(44, "opts one resource of an event", "O1", "CR 206, 510", pics="G")
def opt_of_a_resource(stage: Stage) -> str:
    stage.need_ours()
    stage.begin()
    targets = [Target(resource_id="meter-a"), Target(resource_id="meter-b")]
    event_id = stage.add_event(dtstart=HOUR, targets=targets)
    stage.answer(event_id)
    sent = _create(
        stage,
        opt_type="optOut",
        opt_reason="economic",
        event_id=event_id,
        targets=[{"resource_id": "meter-a"}],
    )
    stage.keeps("CR 204", "CR 206")
    demand(
        (sent.event_id, sent.modification_number) == (event_id, 0),
        f"the opt is about {sent.event_id!r}, number {sent.modification_number}",
    )
    demand(
        list(sent.targets) == targets[:1],
        f"the opt names {list(sent.targets)}, wanted was meter-a",
        "Name the resources that the opt is about.",
    )
    count = len(stage.answers(event_id))
    stage.vtn.announce()
    stage.answer(event_id, number=count + 1)
    stage.keeps("CR 42", "CR 12")
    return "event and number, its resource, neither window nor market context"


@row(45, "sends no opt for an event that wants no response", "O1", "CR 206", pics="G")
def opt_of_a_silent_event(stage: Stage) -> str:
    stage.need_ours()
    stage.begin()
    event_id = stage.add_event(dtstart=HOUR, response_required="never")
    stage.polls(3)
    arguments: dict[str, Any] = {"opt_type": "optOut", "opt_reason": "economic"}
    arguments["event_id"] = event_id
    _refused_here(
        stage,
        "oadrCreateOpt",
        "an opt for an event that wants no response",
        lambda: stage.client.create_opt(**arguments),
    )
    return "refused before it was sent"


@row(46, "sends schedules of start and duration", "O1", "CR 200, 202, 204, 210", pics="G")
def schedule(stage: Stage) -> str:
    stage.need_ours()
    stage.begin()
    windows = [_window(stage, HOUR, 1800), _window(stage, 2 * HOUR, 0)]
    sent = _create(stage, opt_type="optOut", opt_reason="notParticipating", vavailability=windows)
    stage.keeps("CR 200", "CR 204", "CR 206")
    assert sent.vavailability is not None
    lengths = [each.duration.total_seconds() for each in sent.vavailability.components]
    demand(lengths == [1800, 0], f"windows of 1800 and 0 s went out as {lengths}")
    own = stage.vtn.ven().ven_id
    demand(
        all(target.ven_id == own for target in sent.targets),
        f"a schedule of the whole VEN names {list(sent.targets)}",
    )
    return f"two windows, one without end; target: {'its venID' if sent.targets else 'none'}"


@row(47, "withdraws schedules, and no opts of events", "O1", "CR 208, 211", pics="G")
def cancel_opts(stage: Stage) -> str:
    stage.need_ours()
    stage.begin()
    windows = [_window(stage, HOUR, 1800)]
    sent = _create(stage, opt_type="optOut", opt_reason="economic", vavailability=windows)
    after = stage.mark()
    stage.call(lambda: stage.client.cancel_opt(sent.opt_id))
    cancel = stage.expect("oadrCancelOpt", after=after).record
    demand(getattr(cancel, "opt_id", None) == sent.opt_id, "another optID was withdrawn")
    event_id = stage.add_event(dtstart=HOUR)
    stage.answer(event_id)
    arguments = {"opt_type": "optOut", "opt_reason": "economic", "event_id": event_id}
    opt = _create(stage, **arguments)
    _refused_here(
        stage,
        "oadrCancelOpt",
        "withdrawing the opt of an event",
        lambda: stage.client.cancel_opt(opt.opt_id),
    )
    return "the schedule by its ID; the opt of an event is refused here"


@row(48, "limits schedules to a context and a device class", "O1", "CR 205, 209", pics="G")
def limited_schedule(stage: Stage) -> str:
    stage.need_ours()
    stage.begin()
    sent = _create(
        stage,
        opt_type="optOut",
        opt_reason="economic",
        vavailability=[_window(stage, HOUR, 1800)],
        market_context=stage.context,
        signal_target_mrid="Thermostat",
    )
    stage.keeps("CR 209")
    demand(
        sent.market_context == stage.context and sent.signal_target_mrid == "Thermostat",
        f"the schedule is for {sent.market_context!r} and {sent.signal_target_mrid!r}",
    )
    _refused_here(
        stage,
        "oadrCreateOpt",
        "a device class that is not of the list",
        lambda: stage.client.create_opt(
            opt_type="optOut",
            opt_reason="economic",
            vavailability=[_window(stage, HOUR, 1800)],
            signal_target_mrid="Toaster",
        ),
    )
    return "context and Thermostat; a class that is not of the list is refused here"
