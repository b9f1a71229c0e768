"""What a new user mistypes is answered in the call that received it, with what would be right."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any, Callable

import pytest

import ven_sdk
from ven_sdk import ConfigurationError, Fleet, OpenADRClient, enums, near_names, objects, testing

URL = "http://localhost:8080"
Do = Callable[[OpenADRClient], Any]


@pytest.mark.parametrize(
    "do, says",
    [
        (lambda client: client.on(lambda event: "optIn"), "write @client.on('on_event')"),
        (lambda client: setattr(client, "onEvent", print), "Did you mean client.on_event?"),
        (
            lambda client: setattr(client, "onevent_start", print),
            "Did you mean client.on_event_start?",
        ),
        (lambda client: setattr(client, "on_evnt", print), "Did you mean 'on_event'?"),
        (
            lambda client: client.add_handler("on_event", lambda: "optIn"),
            "() cannot be called as on_event(event)",
        ),
        (
            lambda client: client.add_handler("on_cancel_event", lambda event: None),
            "(event) cannot be called as on_cancel_event",
        ),
        (lambda client: client.add_handler("on_event", "optIn"), "must be a function, not 'optIn'"),
        (lambda client: client.add_hook("before_send", print), "Did you mean 'before_send_xml'?"),
        (lambda client: client.schedule("24"), "a number of hours or a timedelta, not '24'"),
        (lambda client: client.add_report(1.23, "r", "voltage"), "must be a function, not 1.23"),
        (lambda client: client.add_report(print, "r", "votlage"), "Near names: voltage"),
        (
            lambda client: client.add_report(print, "r", "voltage", sampling_rate="10"),
            "such as '10 s', '15 min' or 'PT2H', not '10'",
        ),
        (lambda client: client.report_value("r", 1), "There is no data point 'r'"),
    ],
)
def test_a_mistake_is_answered_with_what_would_be_right(do: Do, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        do(OpenADRClient("ven", URL))

    assert says in str(caught.value)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"vtn_url": "localhost:8080"}, "must look like 'https://"),
        ({"vtn_url": None}, "not None"),
        ({"strict": "no"}, "strict must be True or False, not 'no'"),
        ({"register": "yes"}, "register must be True or False"),
        ({"allow_jitter": 0.5}, "allow_jitter must be True or False"),
        ({"default_opt": "optin"}, "Did you mean 'optIn'?"),
        ({"poll_frequency": "often"}, "or 'PT2H', not 'often'"),
        ({"targets": ["r1"]}, "such as {'resource_id': ['r1']}"),
        ({"targets": {"resource": ["r1"]}}, "Did you mean 'resource_id'?"),
        ({"cert": "nope.pem"}, "'nope.pem' cannot be read"),
        ({"store": "/no/such/folder/ven.db"}, "does not exist. Create it"),
    ],
)
def test_a_wrong_argument_is_named(wrong: "dict[str, Any]", says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OpenADRClient(**{"ven_name": "ven", "vtn_url": URL, **wrong})

    assert says in str(caught.value)


def test_a_class_of_ones_own_has_attributes_of_its_own_and_spans_of_time_are_taken() -> None:
    class Site(OpenADRClient):
        pass

    client = Site("ven", URL, strict=0)  # type: ignore[arg-type]

    client.site = "bakery"  # type: ignore[attr-defined]

    assert client.site == "bakery"  # type: ignore[attr-defined]
    assert client.settings.strict is False
    assert client.schedule(timedelta(hours=1)) == ()


@pytest.mark.parametrize(
    "name, says",
    [
        ("pol_frequency", "Did you mean 'poll_frequency'?"),
        ("poll_frequency", "can be read, not set. Give poll_frequency to the constructor"),
        ("events", "can be read, not set."),
        ("site", "A client has no attribute 'site'"),
    ],
)
def test_an_attribute_that_would_have_no_effect_cannot_be_set(name: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        setattr(OpenADRClient("ven", URL), name, 3)

    assert says in str(caught.value)


@pytest.mark.parametrize(
    "owner",
    [
        objects.Event,
        objects.Sample(5),
        objects.Target(ven_id="v"),
        enums.OPT,
        testing.ManualClock(),
        OpenADRClient("ven", URL),
        Fleet(URL),
        ven_sdk,
        objects,
        enums,
        testing,
    ],
    ids=lambda owner: getattr(owner, "__name__", type(owner).__name__),
)
def test_probing_for_an_attribute_looks_for_no_near_name(
    owner: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(near_names, "nearest", lambda word, *_: looked.append(word) or "near")
    monkeypatch.setattr(near_names, "dir", lambda cls: looked.append(cls) or [], raising=False)

    assert getattr(owner, "no_such_attribute", None) is None and not hasattr(owner, "nor_this")
    assert looked == []

    with pytest.raises(AttributeError) as caught:
        owner.no_such_attribute  # type: ignore[attr-defined]  # noqa: B018
    assert "Did you mean 'near'?" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
