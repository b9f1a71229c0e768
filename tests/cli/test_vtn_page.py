"""The test VTN's orders and page, without a browser: what may be said, by whom, and what is
shown.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ven_sdk import OpenADRClient
from ven_sdk.cli.vtn.orders import _EVENT, _FAULT, _NEW_EVENT, _REPORT, FAULTS, Orders
from ven_sdk.cli.vtn.page import Page
from ven_sdk.cli.vtn.view import View
from ven_sdk.errors import ConfigurationError
from ven_sdk.testing import LocalVTN
from ven_sdk.testing.vtn.faults import fault_named


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN() as vtn:
        yield vtn


@pytest.fixture
def orders(vtn: LocalVTN) -> Iterator[Orders]:
    orders = Orders(vtn)
    yield orders
    orders.clear_faults()


@pytest.fixture
def page(vtn: LocalVTN, orders: Orders) -> Iterator[Page]:
    view = View(vtn, orders)
    vtn.listeners.append(view.note_message)
    page = Page(0, view.state, orders.carry_out, view.message)
    yield page
    page.close()


def ask(
    page: Page, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    port = int(page.url.rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), given)
        reply = connection.getresponse()
        data = reply.read()
        told = (
            json.loads(data)
            if reply.headers["Content-Type"] == "application/json"
            else data.decode()
        )
        return reply.status, told, dict(reply.headers)
    finally:
        connection.close()


JSON = {"Content_Type": "application/json"}


# --- the page -------------------------------------------------------------------------------------


def test_the_page_needs_nothing_from_elsewhere(page: Page) -> None:
    status, text, headers = ask(page, "GET", "/")

    assert status == 200
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "{{nonce}}" not in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_an_order_is_carried_out(page: Page, vtn: LocalVTN) -> None:
    order = {"do": "add_event", "event_id": "e1", "begin": 60, "steps": [[30, 1]]}
    status, told, _ = ask(page, "POST", "/order", order, **JSON)

    assert (status, told) == (200, {"result": "e1"})
    assert vtn.events["e1"].active_period.duration == timedelta(seconds=30)


def test_a_wrong_order_is_told_what_is_wrong_with_it(page: Page) -> None:
    status, told, _ = ask(
        page, "POST", "/order", {"do": "cancel_event", "event_id": "nothing"}, **JSON
    )

    assert status == 400
    assert "There is no event 'nothing'" in told["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {},
        {**JSON, "Host": "evil.example"},
        {**JSON, "Origin": "http://evil.example"},
    ],
)
def test_other_web_sites_give_no_orders(headers: dict[str, str], page: Page, vtn: LocalVTN) -> None:
    status, _, _ = ask(page, "POST", "/order", {"do": "add_event", "event_id": "e1"}, **headers)

    assert status == 403
    assert vtn.events == {}


def test_a_name_that_points_here_reads_nothing(page: Page) -> None:
    assert ask(page, "GET", "/state", Host="rebound.example")[0] == 403


def test_the_state_is_shown_whole(page: Page, vtn: LocalVTN, orders: Orders) -> None:
    vtn.add_ven("site-a", registered=True)
    vtn.add_event(event_id="e1", intervals=[(10, 1), (10, 2)])
    orders.carry_out({"do": "fault", "name": "slow"})

    _, state, _ = ask(page, "GET", "/state")

    assert state["vens"][0]["name"] == "site-a"
    assert [step[1:] for step in state["events"][0]["signals"][0]["steps"]] == [[10, 1], [10, 2]]
    assert [(fault["name"], fault["hits"]) for fault in state["faults"]] == [("slow", 0)]


def test_a_port_that_is_taken_is_said(page: Page) -> None:
    port = int(page.url.rstrip("/").rpartition(":")[2])

    with pytest.raises(ConfigurationError, match=f"page's port {port} cannot be opened"):
        Page(port, dict, dict, lambda number: None)


# --- orders ---------------------------------------------------------------------------------------


def test_events_are_added_modified_and_cancelled(vtn: LocalVTN, orders: Orders) -> None:
    orders.carry_out(
        {"do": "add_event", "event_id": "e1", "begin": "1 min", "steps": [["10 s", 1]]}
    )
    orders.carry_out(
        {"do": "modify_event", "event_id": "e1", "steps": [["10 s", 2]], "comment": "more"}
    )
    assert vtn.events["e1"].modification_number == 1
    assert vtn.events["e1"].vtn_comment == "more"

    orders.carry_out({"do": "cancel_event", "event_id": "e1"})
    assert vtn.events["e1"].event_status == "cancelled"


def test_every_fault_of_the_page_is_one_of_the_vtn_s() -> None:
    assert [name for name in FAULTS if fault_named(name) is None] == []


def test_a_fault_that_is_over_is_off(orders: Orders) -> None:
    orders.carry_out({"do": "fault", "name": "500", "until": 0})

    assert orders.faults == []


@pytest.mark.parametrize(
    "order, says",
    [
        ("add_event", "An order is a table"),
        ({"do": "add_evnt"}, "Did you mean 'add_event'?"),
        ({"do": "add_event", "setps": []}, "not 'setps'. Did you mean 'steps'?"),
        ({"do": "add_event", "steps": [1]}, "pairs of a duration and a value"),
        ({"do": "add_event", "steps": [[0.5, 1]]}, "whole seconds"),
        ({"do": "add_event", "signal_name": "SIMPEL"}, "Did you mean 'SIMPLE'?"),
        ({"do": "modify_event", "event_id": "e"}, "needs something that changes"),
        ({"do": "cancel_event"}, "needs event_id"),
        ({"do": "fault", "name": "gremlins"}, "There is no fault 'gremlins'"),
        ({"do": "fault", "name": "500", "seconds": 1}, "takes no argument 'seconds'"),
        ({"do": "clear_fault", "number": 7}, "No fault 7 is on"),
        ({"do": "reregister", "ven": "nobody"}, "There is no VEN 'nobody'"),
    ],
)
def test_orders_that_make_no_sense_are_refused_with_what_would(
    order: Any, says: str, orders: Orders
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        orders.carry_out(order)

    assert says in str(caught.value)


NONSENSE = [
    None,
    True,
    -1,
    0,
    1.5,
    10**400,
    float("inf"),
    float("nan"),
    "",
    "x" * 5000,
    "a\x00b",
    "five minutes",
    "1 min",
    [],
    {},
    [[]],
    [[60, 1], [60]],
    [[60, 10**400]],
    [[float("nan"), float("inf")]],
    [["1 d", -3]] * 3,
    {"resource_id": [1]},
    {"no_such_kind": ["a"]},
    [{"a": 1}],
    "nobody",
    "\ud800",
]
FIELDS_OF_ORDERS = {
    "add_event": [*_NEW_EVENT, "unknown"],
    "modify_event": [*_EVENT],
    "cancel_event": ["event_id"],
    "drop_event": ["event_id"],
    "announce": ["ven"],
    "fault": [*_FAULT],
    "clear_fault": ["number"],
    "clear_faults": ["ven"],
    "request_report": [*_REPORT],
    "cancel_report": ["ven", "report_request_id"],
    "cancel_reports": ["ven"],
    "reregister": ["ven"],
    "cancel_registration": ["ven"],
    "forget": ["ven"],
    "restart": ["memory"],
}


@pytest.mark.parametrize("do", list(FIELDS_OF_ORDERS))
def test_no_input_is_more_than_the_vtn_can_bear(do: str, page: Page, vtn: LocalVTN) -> None:
    vtn.add_ven("site-a", registered=True)
    vtn.add_event(event_id="e1", dtstart=3600)
    base = {
        "modify_event": {"event_id": "e1"},
        "fault": {"name": "slow", "times": 1},
        "restart": {"memory": True},
    }.get(do, {})
    for field in FIELDS_OF_ORDERS[do]:
        for value in NONSENSE:
            order = {"do": do, **base, field: value}
            status, told, _ = ask(page, "POST", "/order", order, **JSON)

            assert status in (200, 400, 409), (order, told)
            assert status == 200 or told["error"], order
    assert vtn.events["e1"].active_period.duration >= timedelta(0)
    assert not vtn.errors


@pytest.mark.parametrize(
    "body", ["", "{", "[" * 50_000, '"add_event"', "null", '{"do": ["add_event"]}', '{"do": {}}']
)
def test_no_body_is_more_than_the_page_can_bear(body: str, page: Page) -> None:
    port = int(page.url.rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/order", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 400
    finally:
        connection.close()


@pytest.mark.parametrize(
    "order, field, says",
    [
        ({"steps": [[60, 4]]}, "levels", "SIMPLE takes the levels 0, 1, 2 and 3, not 4"),
        ({"steps": [[60, 1.5]]}, "levels", "not 1.5"),
        ({"steps": [[0.5, 1]]}, "seconds", "whole seconds"),
        ({"steps": [[60, "much"]]}, "levels", "expected a number"),
        ({"begin": "soon"}, "begin", "expected seconds"),
        ({"signal_name": "SIMPEL"}, "signal_name", "Did you mean 'SIMPLE'?"),
        ({"priority": -1}, "priority", "from 0 on"),
        ({"comment": "a\x00"}, "comment", "expected a text"),
    ],
)
def test_an_error_names_its_field(order: Any, field: str, says: str, page: Page) -> None:
    status, told, _ = ask(page, "POST", "/order", {"do": "add_event", **order}, **JSON)

    assert (status, told["field"]) == (400, field)
    assert says in told["error"]


def test_a_message_is_shown_as_xml(page: Page, vtn: LocalVTN) -> None:
    with OpenADRClient("site-a", vtn.url):
        vtn.assert_registered()
    _, state, _ = ask(page, "GET", "/state")
    number = next(
        row["number"] for row in state["messages"] if row["kind"] == "oadrCreatePartyRegistration"
    )

    status, shown, _ = ask(page, "GET", f"/message?{number}")

    assert status == 200
    assert "oadrVenName" in shown["received"]
    assert "oadrCreatedPartyRegistration" in shown["answer"]
    assert ask(page, "GET", "/message?99999")[0] == 404
    assert ask(page, "GET", "/message?x")[0] == 404
