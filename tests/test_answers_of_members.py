"""Over every public class and function: what is called wrongly, read by a wrong name or by a wrong
key is answered by an error of ours, which names what would be right. A new member is in these
tables by being public.
"""

from __future__ import annotations

import inspect
import operator
import pickle
import re
import weakref
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from importlib import import_module
from threading import Condition
from typing import Any, Callable

import pytest

import ven_sdk
from ven_sdk import (
    ConfigurationError,
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
from ven_sdk.brackets import ValueMethod, is_function
from ven_sdk.config import Settings
from ven_sdk.near_names import public_names
from ven_sdk.schema.declaration import MISSING
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
            if is_function(value) and not is_error and name not in GIVEN:
                found[f"{module.__name__}.{name}"] = value
    for path, value in found.items():
        yield path, value
        for name in public_names(value) if inspect.isclass(value) else ():
            member = inspect.getattr_static(value, name)
            ours = getattr(getattr(member, "__func__", member), "__module__", "") or ""
            member = getattr(member, "function", member)
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


# --- brackets -------------------------------------------------------------------------------------

METHODS = [
    pytest.param(value, name, id=f"{type(value).__name__}.{name}")
    for value in values()
    for name in public_names(type(value))
    if isinstance(inspect.getattr_static(value, name), ValueMethod)
]
PLAIN = (str, int, float, bool, type(None), datetime, timedelta, bytes, tuple, Record, Settings)
PLAIN += (Condition,)
"""What a property gives that is Python's own type, or the messages': a call of these is answered by
Python, or where the value is looked at.
"""


def test_methods_that_give_a_value_are_found() -> None:
    found = {each.id for each in METHODS}
    assert {"OpenADRClient.health", "OpenADRClient.current_level", "Fleet.health"} < found
    assert {"ManualClock.now", "LocalVTN.mark", "Health.to_dict"} < found
    assert not {"OpenADRClient.stop", "OpenADRClient.add_handler", "Fleet.add"} & found


@pytest.mark.parametrize("value, name", METHODS)
def test_a_method_that_is_used_like_its_value_says_to_call_it(value: Any, name: str) -> None:
    method = getattr(value, name)
    says = f"{type(value).__name__}.{name} is a method"
    for use in (
        lambda: method.no_such_attribute,
        lambda: setattr(method, "no_such_attribute", 1),
        lambda: method == 1,
        lambda: method > 1,
        lambda: method + 1,
        lambda: 1 - method,
        lambda: len(method),
        lambda: list(method),
        lambda: method[0],
        lambda: 1 in method,
        lambda: float(method),
    ):
        with pytest.raises(VenError, match=says):
            use()


@pytest.mark.parametrize("value, name", METHODS)
def test_it_is_a_method_all_the_same(value: Any, name: str) -> None:
    method, function = getattr(value, name), getattr(type(value), name)

    assert is_function(method) and method and inspect.isroutine(method)
    assert method == getattr(value, name) and method != object() and method is not None
    assert hash(method) == hash(getattr(value, name))
    assert method.__name__ == name and method.__doc__ == function.__doc__
    assert method.__self__ is value
    assert [*inspect.signature(function).parameters][1:] == [*inspect.signature(method).parameters]
    assert weakref.WeakMethod(method)() == method
    assert f"{type(value).__name__}" in repr(method)


def test_a_method_can_be_pickled_with_its_object_and_called_by_others() -> None:
    health = Health(True, (), {})

    assert pickle.loads(pickle.dumps(health.to_dict))() == health.to_dict()


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_is_called_like_a_function_says_that_it_is_none(value: Any) -> None:
    for name in public_names(type(value)):
        if isinstance(inspect.getattr_static(value, name), property):
            try:
                found = getattr(value, name)
            except VenError:  # of a VTN that does not listen
                continue
            if not isinstance(found, PLAIN) or hasattr(found, "_repr_html_"):
                with pytest.raises(VenError, match="Leave out the"):
                    found()
                assert callable(found) and not is_function(found)


def test_a_library_that_calls_what_is_callable_gets_the_value_itself() -> None:
    assert re.sub("x", enums.OPT.OPT_IN, "axb") == "aoptInb"
    rows: Any = OpenADRClient("ven", URL).events
    assert rows("a table") is rows


# --- errors and fields ----------------------------------------------------------------------------

ERRORS = [
    pytest.param(error, id=name)
    for name, error in ((name, getattr(ven_sdk, name)) for name in ven_sdk.__all__)
    if inspect.isclass(error) and issubclass(error, VenError)
]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_made_with_a_wrong_argument_says_what_it_takes(error: "type[VenError]") -> None:
    with pytest.raises(ConfigurationError, match=f"{error.__name__}.* takes no argument 'mesage'"):
        error(mesage="x")  # type: ignore[call-arg]

    made = error("what happened")
    assert str(pickle.loads(pickle.dumps(made))) == str(made) == "what happened"


CHECKED = {"text", "token", "attribute", "markup", "number", "decimal", "integer", "date_time"}
CHECKED |= {"boolean", "test_flag", "duration", "child", "children", "texts", "numbers", "targets"}
FIELDS = [
    pytest.param(kind, name, id=f"{kind.__name__}.{name}")
    for kind in RECORDS
    for name, declaration in kind.declared.items()
    if declaration.kind in CHECKED
]


def test_most_fields_are_in_the_table() -> None:
    assert len(FIELDS) > 250


@pytest.mark.parametrize("kind, name", FIELDS)
def test_a_field_of_a_wrong_type_is_refused_by_its_name(kind: "type[Record]", name: str) -> None:
    needed = {
        each: None for each, declaration in kind.declared.items() if declaration.default is MISSING
    }
    wrong = [object()] if kind.declared[name].repeated else object()

    with pytest.raises(VenError, match=name):
        kind(**{**needed, name: wrong})
