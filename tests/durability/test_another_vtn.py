"""Events, opts and requests belong to the VTN and the registration that they came from: another VTN
on the same store starts clean, the same one at another address keeps everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.models.peer import PeerVTN
from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk.errors import TransportError

OTHER_URL = "http://other.example/OpenADR2/Simple/2.0b"
PROVISIONED = {"register": False, "ven_id": "ven-1", "registration_id": "reg-0"}
KINDS = [{}, PROVISIONED, {"register": False, "ven_id": "ven-1"}]
REPORT_ONLY = {**PROVISIONED, "report_only": True}


class Site:
    """A VEN that ran with one VTN and is started again with the store of that time."""

    def __init__(self, **arguments: Any) -> None:
        self.world = SimulatedVen(1, **arguments)
        self.ended: list[str] = []
        self.cancelled: list[tuple[str, bool]] = []
        self.lost: list[str] = []
        self.vtn = self.world.vtn
        self.vtn.record.registered = not arguments.get("register", True)
        self.vtn.wish = 10, 10
        self.start()

    def start(self) -> None:
        world = self.world
        world.ven.add_handler("on_event_end", lambda event: self.ended.append(event.event_id))
        world.ven.add_handler("on_registration_lost", self.lost.append)
        world.ven.add_handler(
            "on_cancel_event",
            lambda event, implied: self.cancelled.append((event.event_id, implied)),
        )
        world.start()
        world.run(30)

    def fill(self) -> None:
        """An event that runs, an opt, and a request with samples that wait."""
        now = self.world.clock.now()
        if not self.world.arguments.get("report_only"):
            self.vtn.events["old"] = VTNEvent("old", now.replace(microsecond=0), 86400)
            self.vtn.queue.append("list")
            self.world.ven.create_opt(
                "optOut",
                "economic",
                opt_id="old opt",
                vavailability=[{"dtstart": now + timedelta(days=1), "duration": 3600}],
            )
        self.world.run(60)
        assert self.vtn.record.samples
        self.vtn.behaviour["oadrUpdateReport"] = "no answer", float("inf")
        self.world.run(60)
        self.vtn.behaviour.clear()

    def restart(self, *, url: str, **arguments: Any) -> PeerVTN:
        """Another process, with what the user now configures; the VTN that it finds there."""
        world = self.world
        world.stop()
        world.url = url
        world.arguments.update(arguments)
        self.vtn = world.vtn = PeerVTN(world.clock.now, world.clock.monotonic, world.clock.advance)
        self.vtn.record.registered = not world.arguments.get("register", True)
        world._new_process()
        return self.vtn


@pytest.fixture
def sites() -> Iterator[Any]:
    made: list[Site] = []

    def make(**arguments: Any) -> Site:
        made.append(Site(**arguments))
        return made[-1]

    yield make
    for site in made:
        site.world.close()


def assert_clean(site: Site) -> None:
    names = [name for _, name, _ in site.vtn.sent]
    assert site.vtn.record.samples == {}, "samples under a request of the VTN before"
    assert "oadrUpdateReport" not in names
    assert site.world.ven.opts == ()
    assert site.world.ven.status.state == "registered"
    assert site.vtn.record.catalogue, "the catalogue was not offered"


@pytest.mark.parametrize("arguments", KINDS, ids=["registers", "provisioned", "only a venID"])
@pytest.mark.parametrize("url", [OTHER_URL, None], ids=["elsewhere", "same address"])
def test_another_vtn_on_the_same_store_starts_clean(
    sites: Any, arguments: dict[str, Any], url: str
) -> None:
    site = sites(**arguments)
    site.fill()
    vtn = site.restart(url=url or site.world.url)
    vtn.vtn_id = "another"
    start = site.world.clock.now().replace(microsecond=0) + timedelta(hours=1)
    vtn.events["new"] = VTNEvent("new", start, 600)

    site.start()

    assert_clean(site)
    assert [event.event_id for event in site.world.ven.events] == ["new"]
    assert vtn.record.answers == {("new", 0): site.world.decisions["new", 0]}
    assert site.lost and "another" in site.lost[-1]
    assert site.ended in ([], ["old"])


@pytest.mark.parametrize("arguments", KINDS, ids=["registers", "provisioned", "only a venID"])
def test_the_same_vtn_at_another_address_keeps_everything(
    sites: Any, arguments: dict[str, Any]
) -> None:
    site = sites(**arguments)
    site.fill()
    before = site.vtn
    vtn = site.restart(url=OTHER_URL)
    vtn.record, vtn.events = before.record, before.events

    site.start()

    assert [opt.opt_id for opt in site.world.ven.opts] == ["old opt"]
    assert [event.event_id for event in site.world.ven.events] == ["old"]
    assert "oadrUpdateReport" in [name for _, name, _ in vtn.sent]
    assert site.lost == site.ended == []


@pytest.mark.parametrize(
    "reply", ["plain response", "empty", "code 450", "status 500", "status 404", "status 503"]
)
def test_a_vtn_that_does_not_name_itself_is_known_by_its_address(sites: Any, reply: str) -> None:
    site = sites(**PROVISIONED)
    site.fill()
    vtn = site.restart(url=OTHER_URL)
    vtn.behaviour["oadrRequestEvent"] = reply, 3.0

    site.start()

    assert_clean(site)
    assert site.world.ven.events == ()
    assert site.lost


@pytest.mark.parametrize("arguments", KINDS, ids=["registers", "provisioned", "only a venID"])
@pytest.mark.parametrize("vtn_id", ["another", ""])
def test_a_cancellation_that_was_not_sent_goes_to_no_other_vtn(
    sites: Any, arguments: dict[str, Any], vtn_id: str
) -> None:
    site = sites(**arguments)
    site.fill()
    site.vtn.behaviour["oadrCancelPartyRegistration"] = "no answer", float("inf")
    with pytest.raises(TransportError):
        site.world.ven.cancel_registration()
    vtn = site.restart(url=OTHER_URL)
    vtn.vtn_id = vtn_id

    site.start()

    assert_clean(site)
    assert "oadrCancelPartyRegistration" not in [name for _, name, _ in vtn.sent]
    assert site.world.ven.events == ()
    assert vtn.record.registered


def test_a_report_only_ven_knows_its_vtn_by_the_address(sites: Any) -> None:
    site = sites(**REPORT_ONLY)
    site.fill()
    site.restart(url=OTHER_URL)

    site.start()

    assert_clean(site)


def test_a_vtn_that_is_replaced_while_the_ven_runs_is_met_with_its_next_list(sites: Any) -> None:
    site = sites(**PROVISIONED)
    site.fill()
    vtn = site.vtn
    vtn.vtn_id = "another"
    start = site.world.clock.now().replace(microsecond=0) + timedelta(hours=1)
    vtn.events = {"new": VTNEvent("new", start, 600)}
    vtn.queue.append("list")

    site.world.run(60)

    assert [event.event_id for event in site.world.ven.events] == ["new"]
    assert ("new", 0) in vtn.record.answers
    assert site.world.ven.opts == ()


@pytest.mark.parametrize("change", [{"registration_id": "reg-9"}, {"ven_id": "ven-9"}], ids=str)
def test_opts_and_requests_end_with_the_registration_that_was_provisioned(
    sites: Any, change: dict[str, str]
) -> None:
    site = sites(**PROVISIONED)
    site.fill()
    events = site.vtn.events
    vtn = site.restart(url=site.world.url, **change)
    vtn.events = events

    site.start()

    assert_clean(site)
    assert [event.event_id for event in site.world.ven.events] == ["old"]


@pytest.mark.parametrize("arguments", KINDS, ids=["registers", "provisioned", "only a venID"])
@pytest.mark.parametrize("url", [OTHER_URL, None], ids=["elsewhere", "same address"])
def test_handlers_are_told_of_each_event_that_went_with_the_vtn_before(
    sites: Any, arguments: dict[str, Any], url: str
) -> None:
    site = sites(**arguments)
    now = site.world.clock.now().replace(microsecond=0)
    begins = {"over": -600, "running": 0, "to come": 3600, "cancelled": 3600}
    for name, seconds in begins.items():
        length = 300 if name == "over" else 7200
        site.vtn.events[name] = VTNEvent(name, now + timedelta(seconds=seconds), length)
    site.vtn.queue.append("list")
    site.world.run(15)
    site.vtn.events["cancelled"].modification, site.vtn.events["cancelled"].cancelled = 1, True
    site.vtn.queue.append("list")
    site.world.run(15)
    site.cancelled.clear()
    site.restart(url=url or site.world.url).vtn_id = "another"

    site.start()

    assert sorted(site.cancelled) == [("running", True), ("to come", True)]
    assert site.world.ven.events == ()
    begun = [opt for (name, _), opt in site.world.decisions.items() if name == "running"]
    assert site.ended == (["running"] if begun == ["optIn"] else [])
