"""``replace`` makes what ``dataclasses.replace`` makes, of every class of rows and values."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import Any

import pytest

import ven_sdk.oadr20b.state
import ven_sdk.state
from ven_sdk.state.events import EventState
from ven_sdk.state.replacement import replace


def frozen_classes() -> list[type]:
    """All frozen dataclasses of the folders of state."""
    found = {}
    for package in (ven_sdk.state, ven_sdk.oadr20b.state):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(module.name)).values():
                parameters = getattr(value, "__dataclass_params__", None)
                if isinstance(value, type) and parameters is not None and parameters.frozen:
                    found[f"{value.__module__}.{value.__qualname__}"] = value
    return [found[name] for name in sorted(found)]


def example_of(cls: type) -> Any:
    """One with a value of its own in each field."""
    return cls(**{field.name: f"the {field.name}" for field in dataclasses.fields(cls)})


def test_the_classes_are_found() -> None:
    assert EventState in frozen_classes() and len(frozen_classes()) > 10


@pytest.mark.parametrize("cls", frozen_classes(), ids=lambda cls: cls.__qualname__)
def test_a_copy_is_what_the_standard_library_makes(cls: type) -> None:
    row = example_of(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    for changed in ({}, *({name: 1} for name in names), dict.fromkeys(names, 2)):
        copy: Any = replace(row, **changed)  # type: ignore[type-var]
        assert type(copy) is cls and copy == dataclasses.replace(row, **changed)
        assert vars(copy) == {name: changed.get(name, f"the {name}") for name in names}
    assert row == example_of(cls)
    with pytest.raises(TypeError, match="no_such_field"):
        replace(row, no_such_field=1)


def test_what_was_computed_of_the_old_fields_is_computed_anew() -> None:
    row = example_of(EventState)
    vars(row)["start"] = "computed"
    assert "start" not in vars(replace(row, opt="optIn"))
    assert vars(row)["start"] == "computed"
    with pytest.raises(TypeError, match="start"):
        replace(row, start="given")
