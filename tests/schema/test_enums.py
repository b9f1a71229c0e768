"""The vocabularies are str on every Python, and hold what the official schema holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ven_sdk import enums
from ven_sdk.enums import Vocabulary

CLASSES = Vocabulary.__subclasses__()
IN_SCHEMA = [
    ("ei", "EventStatusEnumeratedType", enums.EVENT_STATUS),
    ("ei", "SignalTypeEnumeratedType", enums.SIGNAL_TYPE),
    ("ei", "SignalNameEnumeratedType", enums.SIGNAL_NAME),
    ("ei", "ReportEnumeratedType", enums.REPORT_TYPE),
    ("ei", "ReadingTypeEnumeratedType", enums.READING_TYPE),
    ("ei", "OptReasonEnumeratedType", enums.OPT_REASON),
    ("ei", "reportNameEnumeratedType", enums.REPORT_NAME),
    ("siscale", "SiScaleCodeType", enums.SI_SCALE_CODE),
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_member_is_its_value(cls: Any) -> None:
    for name, member in cls.__members__.items():
        assert str(member) == f"{member}" == member.value
        assert cls[name] is member
    assert cls.values == [member.value for member in cls]
    assert all(type(value) is str for value in cls.values)
    assert cls.members == sorted(cls.__members__)


@pytest.mark.parametrize(
    ("part", "type_name", "cls"), IN_SCHEMA, ids=lambda value: getattr(value, "__name__", None)
)
def test_values_are_those_of_the_official_schema(part: str, type_name: str, cls: Any) -> None:
    openleadr = pytest.importorskip("openleadr", reason="its package data holds the official XSD")
    path = Path(openleadr.__file__).parent / "schema" / f"oadr_{part}_20b.xsd"
    xs = "{http://www.w3.org/2001/XMLSchema}"
    found = etree.parse(str(path)).find(f".//{xs}simpleType[@name='{type_name}']")
    assert found is not None, type_name
    assert {value.get("value") for value in found.iter(xs + "enumeration")} == set(cls.values)


def test_there_are_181_currencies() -> None:
    assert len(enums.CURRENCIES) == len(set(enums.CURRENCIES)) == 181
