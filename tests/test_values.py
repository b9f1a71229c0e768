"""Values are what the standard library's frozen dataclasses are, only made later."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from threading import Barrier, Thread
from typing import Any, Optional

import pytest

from ven_sdk.values import dataclass


@dataclass(frozen=True)
class Reading:
    """One."""

    name: str
    value: float = 0.0
    more: dict[str, int] = dataclasses.field(default_factory=dict)
    note: Optional[str] = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Model:
    """The same by the standard library."""

    name: str
    value: float = 0.0
    more: dict[str, int] = dataclasses.field(default_factory=dict)
    note: Optional[str] = dataclasses.field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Nothing:
    """No fields at all."""


ARGUMENTS: list[Any] = [
    (("a",), {}),
    (("a", 2.5), {}),
    (("a", 2.5, {"x": 1}, "n"), {}),
    ((), {"name": "b", "note": "seen"}),
]


@pytest.mark.parametrize("values, named", ARGUMENTS)
def test_a_value_holds_and_shows_what_a_dataclass_would(values: Any, named: Any) -> None:
    ours, model = Reading(*values, **named), Model(*values, **named)

    assert dataclasses.asdict(ours) == dataclasses.asdict(model)
    assert repr(ours) == repr(model).replace("Model", "Reading")
    assert ours == Reading(*values, **named) and ours != model and ours != Reading("other")
    assert dataclasses.replace(ours, value=9.0).value == 9.0
    assert copy.deepcopy(ours) == ours == pickle.loads(pickle.dumps(ours))


@pytest.mark.parametrize(
    "values, named",
    [
        ((), {}),
        (("a", 1.0, {}, "", 5), {}),
        (("a",), {"name": "b"}),
        (("a",), {"odd": 1}),
    ],
)
def test_wrong_arguments_are_told_as_a_dataclass_tells_them(values: Any, named: Any) -> None:
    with pytest.raises(TypeError) as expected:
        Model(*values, **named)
    with pytest.raises(TypeError) as found:
        Reading(*values, **named)

    assert str(found.value).partition("()")[2] == str(expected.value).partition("()")[2]


def test_help_shows_the_fields() -> None:
    assert str(inspect.signature(Reading)) == (
        "(name: 'str', value: 'float' = 0.0, more: 'dict[str, int]' = {}, "
        "note: 'Optional[str]' = None)"
    )


def test_a_value_cannot_be_changed() -> None:
    value: Any = Reading("a")

    with pytest.raises(
        dataclasses.FrozenInstanceError, match="Reading is immutable, so name cannot be set"
    ):
        value.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot be deleted"):
        del value.name
    assert value.name == "a"


def test_fresh_defaults_are_not_shared_and_what_does_not_compare_does_not() -> None:
    assert Reading("a").more is not Reading("a").more
    assert Reading("a", note="x") == Reading("a", note="y")
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())


def test_equal_values_have_one_hash_and_a_dict_in_them_has_none() -> None:
    @dataclass(frozen=True)
    class Point:
        x: int
        y: int = 0

    assert hash(Point(1)) == hash(Point(1, 0)) and len({Point(1), Point(1, 0), Point(2)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Reading("a"))


def test_the_first_instances_may_be_made_by_many_threads_at_once() -> None:
    for _ in range(20):

        @dataclass(frozen=True)
        class Late:
            number: int

        start, made = Barrier(8), []

        def make(
            number: int, start: Barrier = start, made: list[Any] = made, kind: Any = Late
        ) -> None:
            start.wait()
            made.append(kind(number).number)

        threads = [Thread(target=make, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made) == list(range(8))
