"""Over every public class and function: what is called wrongly, read by a wrong name or by a wrong
key is answered by an error of ours, which names what would be right. A new member is in these
tables by being public.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib import import_module
from typing import Any, Callable

import pytest

from ven_sdk import (
    Fleet,
    FleetStatus,
    Health,
    OpenADRClient,
    OptState,
    ScheduleRow,
    Site,
    Status,
    VenError,
    enums,
    objects,
    testing,
)
from ven_sdk.near_names import public_names
from ven_sdk.schema.record import Record

URL = "http://localhost:8080"
NOW = datetime(2031, 1, 1, tzinfo=timezone.utc)
MODULES = ("ven_sdk", "ven_sdk.enums", "ven_sdk.objects", "ven_sdk.testing")

# What users are given and do not make or call: stores are written, not used, by users; the others
# are made by the client and the test VTN.
GIVEN = {"Store", "Ven", "Violation", "Received", "Pushed", "EventAnswer", "Double", "ReportSample"}
GIVEN |= {"ClientCert", "Record"}
# What the client and the test VTN call of what users make.
HOOKS = {"flaw", "after_init", "before", "after", "begin", "end", "belong_to", "connecting"}
HOOKS |= {"strikes", "change", "head", "pieces"}


def public_callables() -> "Iterator[tuple[str, Callable[..., Any]]]":
    found = {}
    for module in map(import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            is_error = inspect.isclass(value) and issubclass(value, BaseException)
            if callable(value) and not is_error and name not in GIVEN:
                found[f"{module.__name__}.{name}"] = value
    for path, value in found.items():
        yield path, value
        for name in public_names(value) if inspect.isclass(value) else ():
            member = inspect.getattr_static(value, name)
            ours = getattr(getattr(member, "__func__", member), "__module__", "") or ""
            if name in HOOKS or not ours.startswith("ven_sdk"):
                continue
            if inspect.isfunction(member):
                yield f"{path}.{name}", member.__get__(object.__new__(value))
            elif isinstance(member, classmethod):
                yield f"{path}.{name}", getattr(value, name)


def takes(call: Callable[..., Any], kind: object) -> bool:
    return any(each.kind is kind for each in inspect.signature(call).parameters.values())


CALLABLES = list(public_callables())
BY_POSITION = [
    pytest.param(call, id=path)
    for path, call in CALLABLES
    if not takes(call, inspect.Parameter.VAR_POSITIONAL)
]
BY_NAME = [
    pytest.param(call, id=path)
    for path, call in CALLABLES
    if path.endswith(".replace") or not takes(call, inspect.Parameter.VAR_KEYWORD)
]
"""Those that pass on what others take are in the tables of mistypes."""


def test_the_table_is_not_empty() -> None:
    assert len(CALLABLES) > 400


@pytest.mark.parametrize("call", BY_NAME)
def test_an_argument_that_there_is_not_is_answered(call: Callable[..., Any]) -> None:
    with pytest.raises(VenError, match=r"no_such_argument|takes one value"):
        call(no_such_argument=1)


@pytest.mark.parametrize("call", BY_POSITION)
def test_too_many_arguments_are_answered(call: Callable[..., Any]) -> None:
    with pytest.raises(VenError):
        call(*[None] * (len(inspect.signature(call).parameters) + 1))


def values() -> Iterator[Any]:
    client = OpenADRClient("ven", URL)
    yield from (client, client.status, client.health(), Fleet(URL), Fleet(URL).status, Site("a"))
    yield FleetStatus(0, {}, {}, {}, 0)
    yield Health(True, (), {})
    yield Status("stopped", None, None, None, None)
    yield OptState(object.__new__(objects.CreateOpt))
    yield ScheduleRow(NOW, NOW, *[None] * 4)  # type: ignore[arg-type]
    yield objects.Sample(1)
    yield objects.Target(resource_id="r")
    yield testing.ManualClock()
    yield testing.LocalVTN()


VALUES = [
    pytest.param(value, id=f"{at}-{type(value).__name__}") for at, value in enumerate(values())
]


@pytest.mark.parametrize("value", VALUES)
def test_an_attribute_that_there_is_not_is_answered_with_the_nearest(value: Any) -> None:
    is_record = isinstance(value, Record)
    known = list(value._readable) if is_record else public_names(type(value))
    known += [name for name in getattr(value, "__dict__", ()) if name[0] != "_"]
    for name in known:
        wrong = name[:2] + name[3:]
        if wrong not in known and len(name) > 4:
            with pytest.raises(VenError, match=r"Did you mean|becomes a handler") as caught:
                getattr(value, wrong)
            assert isinstance(caught.value, AttributeError)


@pytest.mark.parametrize("value", VALUES[:-2])
def test_a_key_that_there_is_not_is_answered(value: Any) -> None:
    with pytest.raises(VenError, match="no_such_key"):
        value["no_such_key"]


@pytest.mark.parametrize("kind", [getattr(objects, name) for name in objects.__all__])
def test_records_say_that_they_have_no_order_and_are_not_changed(kind: "type[Record]") -> None:
    record = object.__new__(kind)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        with pytest.raises(VenError, match="sort by one: sorted"):
            compare(record, 5)
    for change in (
        lambda: setattr(record, "name", 1),
        lambda: delattr(record, "name"),
        lambda: operator.setitem(record, "name", 1),  # type: ignore[call-overload]
        lambda: operator.delitem(record, "name"),  # type: ignore[arg-type]
    ):
        with pytest.raises(VenError, match=r"record\.replace"):
            change()


RECORDS = [getattr(objects, name) for name in objects.__all__]


@pytest.mark.parametrize("kind", RECORDS)
def test_an_attribute_that_a_class_of_records_does_not_have_is_answered(
    kind: "type[Record]",
) -> None:
    for name in [*kind._readable, "to_dict"]:
        wrong = name[:2] + name[3:]
        if len(name) > 4 and not hasattr(kind, wrong):
            with pytest.raises(VenError, match="Did you mean") as caught:
                getattr(kind, wrong)
            assert isinstance(caught.value, AttributeError)


VOCABULARIES = [words for words in vars(enums).values() if isinstance(words, type(enums.OPT))]


@pytest.mark.parametrize("words", VOCABULARIES)
def test_a_vocabulary_called_or_asked_wrongly_says_what_it_has(words: Any) -> None:
    for do in (lambda: words(), lambda: words("a", "b"), lambda: words["no such"]):
        with pytest.raises(VenError, match=words.__name__):
            do()


@pytest.mark.parametrize("words", [words for words in VOCABULARIES if len(words)])
def test_a_vocabulary_and_its_members_take_no_attribute(words: Any) -> None:
    first = next(iter(words))
    for owner in (words, first):
        for name in ("value", "name", "no_such"):
            with pytest.raises(VenError, match="is fixed"):
                setattr(owner, name, "x")
    with pytest.raises(VenError, match="Did you mean 'value'"):
        _ = first.valeu


@pytest.mark.parametrize("rows", ["events", "reports", "opts"])
def test_rows_asked_by_name_say_how_one_is_found(rows: str) -> None:
    with pytest.raises(VenError, match=r"next\(\(row for row in rows"):
        getattr(OpenADRClient("ven", URL), rows)["no such"]
