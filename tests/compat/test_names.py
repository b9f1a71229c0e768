"""The names that users of openleadr have in their programs are here, with the same values and the
same arguments.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest

import ven_sdk
from ven_sdk import OpenADRClient, enums, objects

openleadr = pytest.importorskip("openleadr")
theirs_enums = pytest.importorskip("openleadr.enums")
theirs_objects = pytest.importorskip("openleadr.objects")

ENUMS = sorted(
    name
    for name, value in vars(theirs_enums).items()
    if inspect.isclass(value) and value.__module__ == "openleadr.enums" and name != "Enum"
)
OBJECTS = sorted(
    name
    for name, value in vars(theirs_objects).items()
    if inspect.isclass(value) and value.__module__ == "openleadr.objects"
)
RENAMED = {
    "Response": {
        "response_code",
        "response_description",
        "request_id",
    },  # an oadrResponse; theirs is our EiResponse
    "ServiceLocation": {"node"},  # holds a FeatureCollection on the wire
    "Measurement": {"acceptable_units", "ns"},  # how openleadr writes it, not what it is
    "ReportInterval": {"report_payload"},  # ours is report_payloads: there may be many
    "Report": {"data_collection_mode"},  # belongs to the data point here
}
"""Fields that users of a client do not meet, and why they are not ours."""
OURS_FOR_NOTHING = {"event_status_log_period", "events_clean_up_period"}
"""Arguments that the documentation says to leave out."""


def test_there_is_something_to_compare() -> None:
    assert len(ENUMS) >= 13
    assert len(OBJECTS) >= 25


@pytest.mark.parametrize("name", ENUMS)
def test_the_vocabulary_has_its_members_and_values(name: str) -> None:
    theirs, ours = getattr(theirs_enums, name), getattr(enums, name)
    members = {
        member: value
        for member, value in vars(theirs).items()
        if not member.startswith("_") and member not in ("members", "values")
    }

    assert [member for member in members if not hasattr(ours, member)] == []
    assert {
        member: str(getattr(ours, member))
        for member, value in members.items()
        if isinstance(value, str)
    } == {member: value for member, value in members.items() if isinstance(value, str)}


@pytest.mark.parametrize("name", OBJECTS)
def test_the_object_has_its_fields(name: str) -> None:
    ours: Any = getattr(objects, name)
    fields = {
        field.name for field in dataclasses.fields(getattr(theirs_objects, name))
    } - RENAMED.get(name, set())

    assert (
        sorted(field for field in fields if not hasattr(ours, field) and field not in _slots(ours))
        == []
    )


def _slots(record: Any) -> list[str]:
    return list(record.fields)


def test_the_client_takes_the_same_arguments() -> None:
    theirs = set(inspect.signature(openleadr.OpenADRClient).parameters) - OURS_FOR_NOTHING

    assert sorted(theirs - set(inspect.signature(OpenADRClient).parameters)) == []


@pytest.mark.parametrize(
    "method", ["add_report", "add_handler", "add_hook", "create_opt", "cancel_opt", "stop", "run"]
)
def test_a_call_takes_the_same_arguments_in_the_same_order(method: str) -> None:
    theirs = list(inspect.signature(getattr(openleadr.OpenADRClient, method)).parameters)
    ours = list(inspect.signature(getattr(OpenADRClient, method)).parameters)
    named = (
        {"handler": "name", "callback": "function", "hook_name": "name"}
        if method in ("add_handler", "add_hook")
        else {}
    )
    if method == "add_hook":
        named["handler"] = "function"

    assert ours[: len(theirs)] == [named.get(name, name) for name in theirs]


def test_the_functions_beside_the_client_are_there() -> None:
    for name in (
        "OpenADRClient",
        "enable_default_logging",
        "enums",
        "objects",
        "certificate_fingerprint",
    ):
        assert getattr(ven_sdk, name) is not None
