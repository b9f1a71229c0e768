"""One walk over every declaration: what each promises to reader, writer and user."""

from __future__ import annotations

import pickle
from typing import Any, get_origin, get_type_hints

import pytest

from ven_sdk import objects
from ven_sdk.oadr20b.codec.compiled.reader import compiled_reader
from ven_sdk.oadr20b.codec.compiled.writer import compiled_writer
from ven_sdk.oadr20b.codec.plan import plan_of
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.schema.common import Payload
from ven_sdk.schema.declaration import MISSING
from ven_sdk.schema.items import Items
from ven_sdk.schema.record import Record
from ven_sdk.schema.units import Measurement

KINDS = {
    "text",
    "texts",
    "token",
    "boolean",
    "integer",
    "number",
    "numbers",
    "decimal",
    "date_time",
    "duration",
    "attribute",
    "child",
    "children",
    "targets",
    "measurement",
    "markup",
    "test_flag",
    "constant",
    "unwired",
    "sequence",
}
SERVICES = {"EiEvent", "EiReport", "EiOpt", "EiRegisterParty", "OadrPoll", ""}


def _reachable() -> list[Any]:
    found: set[Any] = set()
    queue: list[Any] = list(PAYLOADS.values())
    while queue:
        cls = queue.pop()
        if cls not in found:
            found.add(cls)
            queue += [
                declaration.record
                for declaration in cls.declared.values()
                if declaration.record is not None
            ]
    return sorted(found, key=lambda cls: str(cls.__name__))


RECORDS = _reachable()


def test_the_profile_has_23_payloads_with_names_of_their_own() -> None:
    assert len(PAYLOADS) == 23
    assert {cls.__module__.rpartition(".")[0] for cls in PAYLOADS.values()} == {
        "ven_sdk.oadr20b.schema"
    }
    assert all(name == cls.wire_name == "oadr" + cls.__name__ for name, cls in PAYLOADS.items())
    assert {cls.service for cls in PAYLOADS.values()} == SERVICES


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_a_declaration_is_sound(cls: Any) -> None:
    hints: dict[str, Any] = get_type_hints(cls)
    assert cls.__doc__
    assert cls.__module__.startswith(("ven_sdk.schema.", "ven_sdk.oadr20b.schema."))
    assert getattr(objects, cls.__name__) is cls
    for name, declaration in cls.declared.items():
        assert declaration.kind in KINDS, name
        assert name in hints or not declaration.stored, name
        assert declaration.kind not in (
            "child",
            "children",
            "targets",
            "measurement",
        ) or issubclass(declaration.record, Record), name
        assert not declaration.companion or declaration.companion in cls.fields, name
        assert declaration.repeated == (get_origin(hints.get(name)) is Items), name
        absence = declaration.stored and (
            declaration.optional or declaration.repeated or "?" in declaration.path
        )
        assert not absence or declaration.default is not MISSING, (
            f"{name}: what may be absent has a default"
        )
    assert not set(cls.fields) & {
        "keys",
        "values",
        "items",
        "get",
        "fields",
        "declared",
        "replace",
        "positional",
    }
    assert not hasattr(cls.__new__(cls), "__dict__")


@pytest.mark.parametrize(
    "cls", [cls for cls in RECORDS if cls is not Measurement], ids=lambda cls: cls.__name__
)
def test_a_declaration_compiles_to_elements_that_are_told_apart(cls: Any) -> None:
    def walk(node: Any) -> None:
        tags = [inner.tag for inner in node.nodes]
        assert len(tags) == len(set(tags)), f"{node.name} has one element at two places"
        for inner in node.nodes:
            walk(inner)

    walk(plan_of(cls).root)
    assert callable(compiled_reader(cls))
    assert callable(compiled_writer(cls))


def test_payloads_pickle_and_know_their_name() -> None:
    for cls in PAYLOADS.values():
        assert issubclass(cls, Payload)
        assert pickle.loads(pickle.dumps(cls)) is cls


def test_every_name_of_objects_exists() -> None:
    assert all(hasattr(objects, name) for name in objects.__all__)
