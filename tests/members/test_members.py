"""Members of one fleet: who runs what, and what becomes of it when members come and go."""

from __future__ import annotations

import functools
import gc
import time
import warnings
from collections import Counter
from typing import Any

import pytest

from tests import postgresql
from tests.members.conftest import LEASE, PATIENCE, SLOTS, Crew, eventually
from ven_sdk import ConfigurationError, Fleet, FleetMember, Site, SiteTable, StoreError, slot_of
from ven_sdk.members.sites import check_site
from ven_sdk.metrics import member_exposition
from ven_sdk.state.leases import wanted_slots

NAMES = [f"member-{number}" for number in range(8)]


def placed(count: int, *names: str) -> dict[str, str]:
    """The member of each VEN, by the hash alone."""
    members = dict.fromkeys(names, 1.0)
    return {
        f"ven-{n}": name
        for name in names
        for n in range(count)
        if slot_of(f"ven-{n}", SLOTS) in wanted_slots(name, members, SLOTS)
    }


class TestRendezvous:
    @pytest.mark.parametrize("count", [1, 2, 4, 7])
    def test_every_slot_is_wanted_by_one_member(self, count: int) -> None:
        members = dict.fromkeys(NAMES[:count], 1.0)
        wanted = Counter(slot for name in members for slot in wanted_slots(name, members, 1024))
        assert wanted == dict.fromkeys(range(1024), 1)

    def test_who_joins_takes_its_share_and_nothing_else_moves(self) -> None:
        four, five = dict.fromkeys(NAMES[:4], 1.0), dict.fromkeys(NAMES[:5], 1.0)
        taken = wanted_slots(NAMES[4], five, 1024)
        assert len(taken) <= 1024 * (1 / 5 + 0.05)
        for name in four:
            assert wanted_slots(name, four, 1024) - taken == wanted_slots(name, five, 1024)

    def test_a_member_of_twice_the_weight_takes_twice_as_much(self) -> None:
        members = {"a": 1.0, "b": 2.0}
        assert len(wanted_slots("b", members, 4096)) / 4096 == pytest.approx(2 / 3, abs=0.03)


def test_two_members_share_the_vens_and_each_runs_once(crew: Crew) -> None:
    crew.put(30)
    crew.member("a")
    crew.member("b")
    expected = placed(30, "a", "b")
    eventually(lambda: crew.all_run(30) == expected, "each where rendezvous hashing wants it")
    assert crew.members["a"].health()
    assert crew.members["a"].status.members == ("a", "b")


def test_who_leaves_in_order_is_followed_at_once(crew: Crew) -> None:
    crew.put(20)
    a, b = crew.member("a"), crew.member("b")
    crew.all_run(20, members=2)
    ids = {vtn_ven.ven_id for vtn_ven in crew.vtn.vens.values()}
    began = time.monotonic()
    b.stop()
    crew.all_run(20, members=1)
    assert time.monotonic() - began < PATIENCE / 2
    assert a.status.members == ("a",)
    assert {vtn_ven.ven_id for vtn_ven in crew.vtn.vens.values()} == ids, "nobody registered anew"


REGISTERING = ("oadrQueryRegistration", "oadrCreatePartyRegistration", "oadrRegisterReport")


def sent_since(crew: Crew, mark: Any) -> dict[str, int]:
    """How many messages of each kind the VTN got since ``mark``."""
    names = (*REGISTERING, "oadrRequestEvent", "oadrPoll")
    return {name: len(crew.vtn.received_of(name, after=mark)) for name in names}


def test_a_ven_that_moves_in_order_polls_on_and_sends_nothing_else(crew: Crew) -> None:
    crew.put(20)
    crew.member("a")
    b = crew.member("b")
    where = crew.all_run(20, members=2)
    crew.all_poll()
    mark = crew.vtn.mark()
    b.stop()
    assert set(crew.all_run(20).values()) == {"a"}
    assert "b" in where.values()
    eventually(lambda: sent_since(crew, mark)["oadrPoll"] >= 60, "they poll on")
    sent = sent_since(crew, mark)
    del sent["oadrPoll"]
    assert sent == dict.fromkeys(sent, 0)


def test_after_a_member_that_broke_off_its_vens_poll_and_ask_for_their_events(crew: Crew) -> None:
    crew.put(20)
    a = crew.member("a")
    b = crew.member("b")
    where = crew.all_run(20, members=2)
    moved = sum(name == "b" for name in where.values())
    crew.all_poll()
    b._store.renew = _away  # type: ignore[method-assign]
    eventually(lambda: not b.status.may_send, "b is silent")
    mark = crew.vtn.mark()
    eventually(lambda: a.status.states.get("registered") == 20, "a has them all")
    eventually(lambda: sent_since(crew, mark)["oadrRequestEvent"] >= moved, "the lists")
    sent = sent_since(crew, mark)
    assert [sent[name] for name in REGISTERING] == [0, 0, 0]
    assert sent["oadrRequestEvent"] == moved, "once each"


def test_an_event_whose_reply_died_with_its_member_reaches_the_next(crew: Crew) -> None:
    crew.put(10)
    seen: dict[str, set[str]] = {"a": set(), "b": set()}
    for name, names in seen.items():
        member = crew.member(name, start=False)
        member.add_handler(
            "on_event", lambda ven, event, names=names: names.add(ven.settings.ven_name)
        )
        member.start()
    crew.all_run(10, members=2)
    b = crew.members["b"]
    moved = {ven.settings.ven_name for ven in b.fleet}
    for ven in b.fleet:
        ven._engine.persistence.detach()  # as if it died before it commits what a reply brings
    crew.vtn.add_event(event_id="e", dtstart=3600)
    eventually(lambda: seen["b"] == moved, "b has got the event, and nobody will know")
    b._store.renew = _away  # type: ignore[method-assign]
    eventually(lambda: len(seen["a"]) == 10, "each of them")


def test_a_vtn_that_has_erased_a_ven_that_moved_gets_a_registration(crew: Crew) -> None:
    crew.put(10)
    a = crew.member("a")
    b = crew.member("b")
    crew.all_run(10, members=2)
    crew.all_poll()
    b.stop()
    mark = crew.vtn.mark()
    crew.vtn.forget()
    eventually(lambda: sent_since(crew, mark)["oadrCreatePartyRegistration"] >= 10, "all register")
    eventually(lambda: a.status.states.get("registered") == 10, "and go on")


def test_a_newcomer_gets_its_share_slot_by_slot(crew: Crew) -> None:
    crew.put(30)
    crew.member("a")
    before = crew.all_run(30)
    crew.member("b")
    eventually(lambda: crew.all_run(30) == placed(30, "a", "b"), "b has its share and no more")
    assert set(before.values()) == {"a"}


def test_a_drained_member_gives_everything_to_the_others(crew: Crew) -> None:
    crew.put(20)
    crew.member("a")
    b = crew.member("b")
    crew.all_run(20, members=2)
    assert crew.members["a"]._store.drain("b")
    eventually(lambda: b.status.vens == 0, "b has nothing")
    assert set(crew.all_run(20).values()) == {"a"}
    assert b.status.draining
    assert crew.members["a"]._store.drain("b", False)
    crew.all_run(20, members=2)


def test_events_reach_the_handler_wherever_the_ven_runs(crew: Crew) -> None:
    crew.put(10)
    seen: list[tuple[str, str]] = []
    for name in "ab":
        member = crew.member(name, start=False)
        member.add_handler(
            "on_event",
            lambda ven, event, name=name: seen.append((ven.settings.ven_name, name)) or "optIn",
        )
        member.start()
    where = crew.all_run(10, members=2)
    crew.vtn.add_event(event_id="e", dtstart=3600)
    eventually(lambda: len(seen) == 10, "ten calls")
    assert dict(seen) == where


def test_sites_that_are_added_changed_and_removed_are_followed(crew: Crew) -> None:
    crew.put(3)
    crew.member("a")
    crew.all_run(3)
    crew.put(5)
    crew.all_run(5)
    with SiteTable(crew.url) as table:
        table.remove("ven-0", "ven-1")
    crew.all_run(3)
    assert crew.members["a"].health()


def test_sites_come_from_a_function_and_name_their_functions(crew: Crew) -> None:
    asked: list[int] = []
    decided: list[str] = []

    def sites(slot: int) -> list[Site]:
        asked.append(slot)
        every = [
            Site(
                f"ven-{n}",
                crew.vtn.url,
                arguments={"poll_frequency": 0.3},
                reports=(
                    {
                        "callback": "read",
                        "resource_id": f"meter-{n}",
                        "measurement": "RealPower",
                        "unit": "W",
                    },
                ),
                handlers={"on_event": "decide"},
            )
            for n in range(4)
        ]
        return [site for site in every if site.slot(SLOTS) == slot]

    def decide(event: object) -> str:
        decided.append("optOut")
        return "optOut"

    crew.member("a", sites=sites, functions={"decide": decide, "read": lambda: 1.0})
    crew.all_run(4)
    assert sorted(set(asked)) == list(range(SLOTS))
    crew.vtn.add_event(event_id="e", dtstart=3600)
    eventually(lambda: len(decided) == 4, "four decisions")
    assert [len(ven.reports) for ven in crew.members["a"].fleet] == [1] * 4


def test_a_site_that_cannot_run_is_a_problem_of_its_own(crew: Crew) -> None:
    def sites(slot: int) -> list[Site]:
        good = Site("good", crew.vtn.url)
        found = [good] if good.slot(SLOTS) == slot else []
        nameless = Site("nameless", crew.vtn.url, handlers={"on_event": "nowhere"})
        found += [nameless] if nameless.slot(SLOTS) == slot else []
        return [*found, Site("elsewhere", crew.vtn.url)]

    member = crew.member("a", sites=sites)
    eventually(lambda: len(crew.where()) == 2, "the good one, and the other in its own slot")
    eventually(lambda: "'nowhere'" in str(member._own_slots._refused), "a name without function")
    assert "none of the 1 that the catalogue gives belongs there" in str(member.health().problems)
    assert sorted(crew.where()) == ["elsewhere", "good"]


def test_a_catalogue_that_fails_is_asked_again(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ven_sdk.members.slots.AGAIN", 0.2)
    failing = [True]

    def sites(slot: int) -> list[Site]:
        if failing[0]:
            raise OSError("the catalogue is away")
        return [site for site in (Site("ven-0", crew.vtn.url),) if site.slot(SLOTS) == slot]

    member = crew.member("a", sites=sites)
    eventually(lambda: not member.health(), "a problem")
    assert "the catalogue is away" in member.health().problems[0]
    failing[0] = False
    crew.all_run(1)
    eventually(member.health, "no problem any more")


def test_a_store_of_one_client_and_a_fleet_of_members_keep_apart(crew: Crew) -> None:
    crew.put(1)
    crew.member("a")
    crew.all_run(1)
    with pytest.raises(StoreError, match="another client or member"):
        Fleet(crew.vtn.url, store=crew.url).start()


def test_a_store_with_one_slot_is_refused_by_members(crew: Crew) -> None:
    fleet = Fleet(crew.vtn.url, store=crew.url)
    fleet.start()
    fleet.stop()
    with pytest.raises(ConfigurationError, match="one slot"):
        crew.member("a")


def test_a_member_that_was_stopped_can_be_started_again(crew: Crew) -> None:
    crew.put(4)
    a = crew.member("a")
    crew.all_run(4)
    a.stop()
    a.stop()
    assert a.status.vens == 0
    assert not a.health()
    a.start()
    crew.all_run(4)


@pytest.mark.parametrize(
    "wrong", [{"lease": 0.1}, {"slots": 1}, {"weight": 0}, {"store": "a.db"}, {"no_such": 1}]
)
def test_wrong_arguments_are_refused_at_once(crew: Crew, wrong: dict[str, object]) -> None:
    with pytest.raises((ConfigurationError, TypeError)):
        FleetMember(**{"store": crew.url, **wrong})


def test_metrics_tell_of_one_member(crew: Crew) -> None:
    crew.put(3)
    a = crew.member("a")
    crew.all_run(3)
    text = member_exposition(a)
    for line in (
        f'ven_sdk_member_slots{{member="a"}} {SLOTS}.0',
        f'ven_sdk_member_slots_wanted{{member="a"}} {SLOTS}.0',
        'ven_sdk_member_may_send{member="a"} 1.0',
        'ven_sdk_member_healthy{member="a"} 1.0',
        'ven_sdk_member_vens{member="a",state="registered"} 3.0',
        "# TYPE ven_sdk_member_polls_total counter",
    ):
        assert f"{line}\n" in text


class TestFencing:
    def test_a_member_whose_renewals_stop_is_followed_and_sends_nothing_meanwhile(
        self, crew: Crew
    ) -> None:
        crew.put(10)
        a = crew.member("a")
        crew.all_run(10)
        crew.member("b")
        crew.all_run(10, members=2)
        a._store.renew = _away  # type: ignore[method-assign]
        mine = {ven.settings.ven_name for ven in a.fleet}
        eventually(
            lambda: {ven.settings.ven_name for ven in crew.members["b"].fleet} >= mine,
            "b has taken over",
        )
        assert not a.status.may_send
        assert "not renewed" in a.health().problems[0]
        polls = a.status.counters["polls"]
        time.sleep(LEASE)
        assert a.status.counters["polls"] == polls
        del a._store.renew  # type: ignore[attr-defined]
        crew.all_run(10, members=2)
        assert a.health()


def _away(*_: object) -> None:
    raise StoreError("The store is away.", retryable=True)


WATCH = """
CREATE TABLE {schema}.watch (ven text, tab text);
CREATE FUNCTION {schema}.watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO {schema}.watch VALUES (coalesce(NEW.ven, OLD.ven), coalesce(NEW.tab, OLD.tab));
  RETURN NULL; END $$;
CREATE TRIGGER watch AFTER INSERT OR UPDATE OR DELETE ON {schema}.facts FOR EACH ROW
  EXECUTE FUNCTION {schema}.watch();
"""


def test_a_quiet_poll_writes_no_row(crew: Crew, database: postgresql.Server) -> None:
    import psycopg

    crew.put(4)
    crew.member("a")
    crew.all_run(4)
    eventually(lambda: len(crew.vtn.received_of("oadrPoll")) >= 8, "the first polls")
    schema = crew.url.rpartition("schema=")[2]
    with psycopg.connect(database.url().partition("?")[0], autocommit=True) as connection:
        connection.execute(WATCH.format(schema=schema))
        mark = crew.vtn.mark()
        eventually(lambda: len(crew.vtn.received_of("oadrPoll", after=mark)) >= 20, "20 polls")
        watched = f"SELECT * FROM {schema}.watch"
        assert connection.execute(watched).fetchall() == []
        crew.vtn.add_event(event_id="e", dtstart=3600)
        eventually(lambda: connection.execute(watched).fetchall(), "an event writes rows")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("severity", ["always", "error"])
def test_a_member_whose_last_reference_goes_leaves_the_fleet_and_that_is_said(
    crew: Crew, severity: Any, caplog: pytest.LogCaptureFixture
) -> None:
    crew.put(8)
    crew.member("stays")
    left = FleetMember(store=crew.url, name="left", lease=LEASE, slots=SLOTS)
    left.start()
    vens = left.fleet._vens  # its parts do not keep it
    is_running = functools.partial(len, vens)
    eventually(is_running, "it runs its share")
    with warnings.catch_warnings(record=True):
        warnings.simplefilter(severity)
        del left
        gc.collect()

    eventually(lambda: crew.members["stays"].status.members == ("stays",), "it has left")
    assert len(crew.all_run(8)) == 8
    assert not any(ven.status.state == "registered" for ven in vens)
    assert "The member 'left' of a fleet (started at " in caplog.text
    assert "test_members.py" in caplog.text


async def sites_later(slot: int) -> list[Site]:
    return []


@pytest.mark.parametrize(
    "arguments",
    [
        {"weight": float("inf")},
        {"weight": float("nan")},
        {"weight": 10**400},
        {"lease": 0.5},
        {"lease": "36000 days"},
        {"slots": 2.0},
        {"sites": sites_later},
        {"sites": lambda: []},
        {"functions": {"f": sites_later}},
        {"functions": {5: print}},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_an_argument_of_a_member_that_cannot_work_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        FleetMember(store="postgresql://fleet@localhost/fleet", **arguments)


@pytest.mark.parametrize(
    "facts",
    [
        {"vtn_url": "ftp://vtn"},
        {"placement": "\x00"},
        {"arguments": {"timeout": float("nan")}},
        {"arguments": {"push": "https://a b"}},
        {"arguments": {"cert": 5}},
        {"arguments": {"tymeout": 5}},
        {"reports": [{"measurement": "voltage", "sampling_rate": 0}]},
        {"reports": [{"measurement": "voltage", "resource_id": "a\nb"}]},
        {"reports": [{"measurement": "voltage", "callback": "read", "report_name": "x-a "}]},
        {"handlers": {"on_evnt": "decide"}},
    ],
    ids=range(10),
)
def test_a_site_that_no_member_could_run_is_refused_by_the_table(facts: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"site|placement|vtn_url"):
        check_site(Site("a", **facts))


def test_what_can_be_read_once_gives_a_site_its_reports_for_good() -> None:
    report = {"callback": "read", "measurement": "voltage", "resource_id": "r"}
    site = Site("a", reports=(each for each in [report]), arguments={"timeout": "7 s"})

    check_site(site)
    assert site.reports == (report,) == Site.from_json(site.to_json()).reports


@pytest.mark.parametrize("name", ["\ud800", "", "a\nb"])
def test_a_name_of_no_ven_is_in_no_slot(name: str) -> None:
    with pytest.raises(ConfigurationError):
        slot_of(name)
