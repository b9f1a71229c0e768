"""One client, or one Fleet, on a store that another took over: it ends, and says so where it was
started.
"""

from __future__ import annotations

import threading
from typing import Any, Union

import pytest

from tests import postgresql
from tests.members.conftest import LEASE, Crew, eventually
from ven_sdk import Fleet, LeaseLostError, OpenADRClient
from ven_sdk.state.postgresql import PostgreSQLStore

STEAL = (
    "UPDATE {schema}.slots SET owner = 'thief', token = token + 1, "
    "until = now() + interval '1 hour'"
)
Runner = Union[OpenADRClient, Fleet]


def client(crew: Crew, errors: list[Exception]) -> OpenADRClient:
    made = OpenADRClient("ven-0", crew.vtn.url, store=store(crew), poll_frequency=0.2)
    made.add_handler("on_error", errors.append)
    return made


def fleet(crew: Crew, errors: list[Exception]) -> Fleet:
    made = Fleet(crew.vtn.url, store=store(crew), poll_frequency=0.2)
    made.add("ven-0")
    made.add("ven-1")
    made.add_handler("on_error", lambda ven, error: errors.append(error))
    return made


def store(crew: Crew) -> PostgreSQLStore:
    return PostgreSQLStore(crew.url, lease=LEASE)


def steal(crew: Crew, database: postgresql.Server) -> None:
    """Another becomes the owner, as after a suspension that was longer than a lease."""
    import psycopg

    schema = crew.url.rpartition("schema=")[2]
    with psycopg.connect(database.url().partition("?")[0], autocommit=True) as connection:
        connection.execute(STEAL.format(schema=schema))


class Running:
    """``run()`` on a thread, with what it raised."""

    def __init__(self, runner: Runner) -> None:
        self.raised: list[BaseException] = []
        self.thread = threading.Thread(target=self._run, args=(runner,), daemon=True)
        self.thread.start()

    def _run(self, runner: Runner) -> None:
        try:
            runner.run()
        except Exception as error:
            self.raised.append(error)


@pytest.mark.parametrize("make", [client, fleet])
def test_who_lost_the_store_ends_and_run_raises_why(
    make: Any, crew: Crew, database: postgresql.Server
) -> None:
    errors: list[Exception] = []
    runner = make(crew, errors)
    running = Running(runner)
    eventually(lambda: crew.vtn.received_of("oadrPoll"), "it polls")
    steal(crew, database)
    running.thread.join(30)
    assert not running.thread.is_alive()
    (error,) = running.raised
    assert isinstance(error, LeaseLostError)
    assert "another owner" in str(error)
    assert any(isinstance(told, LeaseLostError) for told in errors)
    names = {thread.name for thread in threading.enumerate()}
    assert not {name for name in names if name.startswith("ven_sdk-")} - {"ven_sdk-vtn-accept"}


def test_an_event_that_finds_the_store_lost_is_not_handled_here(
    crew: Crew, database: postgresql.Server
) -> None:
    errors: list[Exception] = []
    calls: list[Any] = []
    runner = client(crew, errors)
    runner.add_handler("on_event", lambda event: calls.append(event) or "optIn")
    running = Running(runner)
    eventually(lambda: crew.vtn.received_of("oadrPoll"), "it polls")
    steal(crew, database)
    crew.vtn.add_event(event_id="e", dtstart=3600)
    running.thread.join(30)
    assert isinstance(running.raised[0], LeaseLostError)
    assert calls == []
    assert not crew.vtn.received_of("oadrCreatedEvent")


def test_after_another_start_nothing_is_raised_any_more(
    crew: Crew, database: postgresql.Server
) -> None:
    import psycopg

    runner = client(crew, [])
    running = Running(runner)
    eventually(lambda: crew.vtn.received_of("oadrPoll"), "it polls")
    steal(crew, database)
    running.thread.join(30)
    schema = crew.url.rpartition("schema=")[2]
    with psycopg.connect(database.url().partition("?")[0], autocommit=True) as connection:
        connection.execute(f"UPDATE {schema}.slots SET owner = NULL, until = NULL")
    mark = crew.vtn.mark()
    again = Running(runner)
    eventually(lambda: crew.vtn.received_of("oadrPoll", after=mark), "it polls again")
    runner.stop()
    again.thread.join(30)
    assert not again.thread.is_alive()
    assert again.raised == []
