"""What people mistype in their first programs: none is accepted silently, none is a bare error of
Python's, and none names what was not meant.
"""

from __future__ import annotations

import traceback
from datetime import timedelta
from typing import Any, Callable

import pytest

from tests.mistypes import answered_in_the_call, client, fleet
from ven_sdk import ConfigurationError, Fleet, OpenADRClient, enable_default_logging
from ven_sdk.display.tables import Rows
from ven_sdk.push import Peer, wsgi
from ven_sdk.testing import InTurn, LocalVTN, ManualClock, NotSeen, Refuse, ReportWish

WRONG: "list[tuple[Callable[[], Any], str]]" = [
    # handlers where on_event stands
    (lambda: client(on_error=print), "add_handler('on_error', function)"),
    (lambda: client(on_event_start=print), "add_handler('on_event_start', function)"),
    (lambda: client(before_event=print), "add_handler('before_event', function)"),
    (lambda: client(on_evnt=print), "Did you mean 'on_event'?"),
    (lambda: client().on("on_evnt"), "Did you mean 'on_event'?"),
    (lambda: fleet().on("on_evnt"), "Did you mean 'on_event'?"),
    # other libraries' words
    (lambda: client(poll="10 s"), "Did you mean 'poll_frequency'?"),
    (lambda: LocalVTN(polling=1), "Did you mean 'poll_frequency'?"),
    (lambda: client().settings.poll, "Did you mean 'poll_frequency'?"),
    (lambda: client().start(timeout=5), "Did you mean 'wait'?"),
    (lambda: enable_default_logging(debug=True), "Did you mean 'level'?"),
    (lambda: ReportWish(period=3), "Did you mean 'granularity'?"),
    (lambda: LocalVTN().add_event(ven="site"), "Did you mean 'ven_id'?"),
    (lambda: client().events.table(tz="CEST"), "the name of a place, such as 'Europe/Berlin'"),
    # push
    (lambda: client(push=True), "push is the address that the VTN reaches"),
    (lambda: client(push=""), "push is the address that the VTN reaches"),
    (lambda: client(push="http://h", listen=8443), "Write '0.0.0.0:8443'."),
    (lambda: client(push="http://h", listen="8443"), "Write '0.0.0.0:8443'."),
    (lambda: client(push="http://h:1/{ven_name}"), "nothing is filled in between the braces"),
    (lambda: fleet(push="http://h:1/{name}").add("a"), "knows {ven_name} alone"),
    (lambda: wsgi(), "missing a required argument: 'receiver'"),
    (lambda: wsgi(client(), trusted_proxy="h"), "Did you mean 'trusted_proxies'?"),
    (lambda: wsgi(OpenADRClient), "not to <class 'ven_sdk.client.OpenADRClient'>"),
    (lambda: wsgi(Fleet), "not to <class 'ven_sdk.fleet.Fleet'>"),
    (lambda: Peer(), "Peer(): missing a required argument: 'address'"),
    (lambda: Peer("h", certificate="-----BEGIN"), "ssl.PEM_cert_to_DER_cert(text)"),
    (lambda: Peer(b"h"), "address of a Peer is a text"),
    # the test kit
    (lambda: InTurn(), "has no fault to strike with"),
    (lambda: Refuse("200"), "it refuses nothing"),
    (lambda: Refuse(200), "it refuses nothing"),
]

test_a_mistype_is_answered_in_the_call = answered_in_the_call(WRONG)


@pytest.mark.parametrize(
    "do", [lambda: client(on_error=print), lambda: client(certs=1), lambda: OpenADRClient()]
)
def test_python_s_own_error_does_not_stand_above_ours(do: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        do()

    assert "TypeError" not in "".join(traceback.format_exception(*_parts(raised.value))[:-1])


def _parts(error: BaseException) -> tuple[Any, Any, Any]:
    return type(error), error, error.__traceback__


@pytest.mark.parametrize("place, kind", [(0, IndexError), (-1, IndexError), (0.5, KeyError)])
def test_a_row_that_there_is_not_is_an_error_of_ours(place: Any, kind: type[Exception]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        client().events[place]

    assert isinstance(raised.value, kind)


def test_rows_say_how_many_there_are() -> None:
    with pytest.raises(IndexError, match=r"There are 2 rows: \[0\] to \[1\]; there is no \[2\]\."):
        Rows("ab")[2]
    with pytest.raises(IndexError, match=r"There is one row: \[0\]; there is no \[1\]\."):
        Rows("a")[1]
    assert (Rows("ab")[-1], Rows("ab")[1:], list(Rows("ab"))) == ("b", ("b",), ["a", "b"])


def test_a_collector_of_nobody_is_refused() -> None:
    pytest.importorskip("prometheus_client")
    from ven_sdk.metrics import collector

    with pytest.raises(ConfigurationError, match=r"write collector\(client\)"):
        collector()


def test_a_ven_has_its_name_and_address_at_hand() -> None:
    one, many = client(), fleet()

    assert (one.ven_name, one.vtn_url) == (one.settings.ven_name, one.settings.vtn_url)
    assert many.add("north").ven_name == "north"


def test_an_answer_that_cannot_come_says_why() -> None:
    clock = ManualClock()
    with LocalVTN(clock=clock) as vtn:
        with pytest.raises(NotSeen, match=r"The VTN never had an event 'evnt-1'\."):
            vtn.wait_for_opt("evnt-1", timeout=0)
        event_id = vtn.add_event(intervals=[1], duration="10 min")
        with pytest.raises(NotSeen) as early:
            vtn.wait_for_opt(event_id, timeout=0)
        clock.advance(timedelta(minutes=10))
        with pytest.raises(NotSeen, match=r"The event is over, as it is 00:10:00 by the VTN's"):
            vtn.wait_for_opt(event_id, timeout=0)

    assert "over" not in str(early.value)


def test_waiting_has_a_usual_time() -> None:
    with LocalVTN() as vtn:
        assert vtn.wait_until(lambda: "there") == "there"
        with pytest.raises(NotSeen, match="Expected what was waited for within 0 s"):
            vtn.wait_until(lambda: None, 0)


def test_plain_payloads_share_the_duration_of_the_event() -> None:
    with LocalVTN() as vtn:
        vtn.add_event(intervals=[1, 2], duration=20)
        [event] = vtn.events.values()

    spans = [interval.duration for interval in event.event_signals[0].intervals]
    assert spans == [timedelta(seconds=10)] * 2
