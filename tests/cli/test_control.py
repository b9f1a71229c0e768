"""The control API of ``ven-sdk run``: questions, orders, and who may ask."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from ven_sdk import DEFER, Fleet, OpenADRClient
from ven_sdk.cli.run.control import ControlPort
from ven_sdk.errors import ConfigurationError
from ven_sdk.testing import LocalVTN

TOKEN = "a token of the test"


class Api:
    """What a program of another language does."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: Optional[str] = TOKEN,
        host: str = "",
    ) -> "tuple[int, Any]":
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        data = body if isinstance(body, (str, type(None))) else json.dumps(body)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if host:
            headers["Host"] = host
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(ask_for_reports=True, strict=True) as vtn:
        yield vtn


@pytest.fixture
def client(vtn: LocalVTN) -> Iterator[OpenADRClient]:
    with OpenADRClient("site a", vtn.url) as client:
        client.add_handler("on_event", lambda event: DEFER)
        client.add_report(
            resource_id="m/1", measurement="voltage", sampling_rate=1, r_id="m/1 voltage"
        )
        vtn.assert_received("oadrCreatedReport")
        vtn.wait_for_polls(1)
        yield client


@pytest.fixture
def api(client: OpenADRClient) -> Iterator[Api]:
    port = ControlPort([client], 0, TOKEN)
    yield Api(port.port)
    port.close()


def test_an_event_is_answered_and_changes_the_level(api: Api, vtn: LocalVTN) -> None:
    event_id = vtn.add_event(event_id="peak/1 of today", intervals=[2])
    while not api("GET", "/events")[1]:
        vtn.wait_for_polls(1)
    [seen] = api("GET", "/events")[1]
    assert (seen["event_id"], seen["opt"]) == (event_id, None)

    opted = api("POST", "/events/peak%2F1%20of%20today/opt-in")
    vtn.assert_opted(event_id, "optIn")

    assert opted == (200, {"event_id": event_id, "opt": "optIn"})
    assert api("GET", "/level") == (200, {"level": 2})
    assert api("GET", "/signals/SIMPLE")[1]["payload"] == 2
    assert api("GET", "/schedule?hours=1")[1][0]["event_id"] == event_id
    assert api("GET", "/events/peak%2F1%20of%20today")[1]["opt"] == "optIn"

    api("POST", "/events/peak%2F1%20of%20today/opt-out", {"reason": "too cold"})
    answer = vtn.assert_opted(event_id, "optOut")
    assert answer.response_description == "too cold"


def test_a_value_is_reported(api: Api, vtn: LocalVTN) -> None:
    assert api("POST", "/reports/m%2F1%20voltage/value", {"value": 231.5})[0] == 200

    assert vtn.wait_for_samples(1, 10)[0].value == 231.5


def test_status_and_reports_are_told(api: Api, client: OpenADRClient) -> None:
    status, reports = api("GET", "/status")[1], api("GET", "/reports")[1]

    assert (status["ven_name"], status["ven_id"]) == ("site a", client.ven_id)
    assert {"state", "last_poll", "last_error", "problems", "counters", "level"} <= set(status)
    assert reports[0]["report_descriptions"][0]["r_id"] == "m/1 voltage"


@pytest.mark.parametrize(
    "method, path, body, code, says",
    [
        ("GET", "/", None, 404, "There are: GET status"),
        ("GET", "/evnts", None, 404, "There are: GET status"),
        ("POST", "/status", None, 405, "status is a question: ask by GET, not POST"),
        ("PUT", "/level", {"level": 2}, 405, "level is a question: ask by GET, not PUT"),
        ("DELETE", "/events/e", None, 405, "events is a question"),
        ("GET", "/events/e/opt-in", None, 405, "opt-in is an order: send it by POST, not GET"),
        ("PATCH", "/reports/m/value", {"value": 1}, 405, "value is an order"),
        ("GET", "/level/now", None, 404, "There are: GET status"),
        ("GET", "/schedule?hour=3", None, 400, "Did you mean 'hours'?"),
        ("GET", "/level?ven=site", None, 400, "There is no 'ven' behind the ?."),
        ("GET", "/vens?name=site", None, 400, "Nothing is taken there."),
        ("POST", "/events/e/opt-in?force=1", None, 400, "There is no 'force'"),
        ("POST", "/events/e/opt-out", {"reasn": "x"}, 400, "Did you mean 'reason'?"),
        ("POST", "/reports/m/value", {"valeu": 1}, 400, "Did you mean 'value'?"),
        ("GET", "/events/unknown", None, 404, "There is no event 'unknown'"),
        ("POST", "/events/unknown/opt-in", None, 409, "unknown"),
        ("POST", "/events/unknown/opt-in", {"reasn": "x"}, 400, "takes nothing, not 'reasn'"),
        ("POST", "/events/unknown/opt-out", {"reason": 3}, 400, "reason must be a text"),
        ("GET", "/schedule?hours=many", None, 400, "hours must be a number, not 'many'"),
        ("GET", "/schedule?hours=nan", None, 400, "hours"),
        ("POST", "/reports/m%2F1%20voltage/value", None, 400, '{"value": 12.5}'),
        ("POST", "/reports/m%2F1%20voltage/value", {"value": "12"}, 400, "found '12'"),
        ("POST", "/reports/m%2F1%20voltage/value", {"value": True}, 400, "found true"),
        ("POST", "/reports/m%2F1%20voltage/value", '{"value": NaN}', 400, "NaN"),
        ("POST", "/reports/m%2F1%20voltage/value", "[" * 50_000, 400, "no JSON"),
        ("POST", "/reports/m%2F1%20voltage/value", "[1]", 400, "must be a JSON object"),
        ("POST", "/reports/m%2F1%20voltage/value", {"value": 1, "at": "soon"}, 400, "a date and"),
        ("POST", "/reports/unknown/value", {"value": 1}, 400, "unknown"),
        ("GET", "/vens/other/status", None, 404, "There is no VEN 'other'"),
    ],
)
def test_what_a_request_gets_wrong_is_said(
    method: str, path: str, body: Any, code: int, says: str, api: Api
) -> None:
    status, told = api(method, path, body)

    assert says in told["error"]
    assert status == code


@pytest.mark.parametrize(
    "token, says",
    [
        (None, "Send the token"),
        ("", "Send the token"),
        ("wrong token of the test", "is another one"),
        (TOKEN[:-1], "is another one"),
    ],
)
def test_nobody_without_the_token_is_answered(token: Optional[str], says: str, api: Api) -> None:
    status, told = api("GET", "/status", token=token)

    assert status == 401
    assert says in told["error"]


def test_a_page_of_another_site_is_not_answered(api: Api) -> None:
    assert api("GET", "/status", host="evil.example.com")[0] == 403


@pytest.mark.parametrize(
    "place, token, says",
    [
        ("0.0.0.0:8090", TOKEN, "this machine only"),
        ("example.com:8090", TOKEN, "this machine only"),
        ("port", TOKEN, "control port must be"),
        (0, None, "wants a token"),
        (0, "short", "wants a token of 16 characters"),
    ],
)
def test_a_port_that_others_could_use_is_refused(
    place: Any, token: Optional[str], says: str, client: OpenADRClient
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        ControlPort([client], place, token)


def test_a_fleet_is_asked_by_name(vtn: LocalVTN) -> None:
    fleet = Fleet(vtn.url)
    for name in ("site a", "site/b"):
        fleet.add(name)
    port = ControlPort(fleet, 0, TOKEN)
    api = Api(port.port)
    try:
        names = [ven["ven_name"] for ven in api("GET", "/vens")[1]]
        told = api("GET", "/vens/site%2Fb/status")[1]
        without = api("GET", "/status")
    finally:
        port.close()

    assert names == ["site a", "site/b"]
    assert told["ven_name"] == "site/b"
    assert without[0] == 404
    assert "/vens/NAME" in without[1]["error"]
