"""What the log says when something goes wrong: what happened, where, and what comes of it."""

from __future__ import annotations

import ast
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ven_sdk
from ven_sdk import DEFER, OpenADRClient
from ven_sdk.testing import LocalVTN


class Said(logging.Handler):
    """The lines of the log; ``wait_for`` waits for one that holds a text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._changed:
            self.lines.append(f"{record.levelname} {record.getMessage()}")
            self._changed.notify_all()

    def wait_for(self, text: str) -> str:
        """The first line that holds ``text``."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(text in line for line in self.lines), 10), (
                "\n".join(self.lines)
            )
            return next(line for line in self.lines if text in line)


@pytest.fixture
def said() -> Iterator[Said]:
    handler, logger = Said(), logging.getLogger("ven_sdk")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(ask_for_reports=True) as vtn:
        yield vtn


def broken(*_: Any, **__: Any) -> None:
    raise KeyError("charger-1")


def test_the_answer_to_an_event_is_named(vtn: LocalVTN, said: Said) -> None:
    with OpenADRClient("ven", vtn.url) as client:
        client.add_handler("on_event", lambda event: "optIn")
        event_id = vtn.add_event()
        vtn.assert_opted(event_id, "optIn")

        assert said.wait_for("event answer") == f"INFO ven: event answer ({event_id!r} optIn)."


def test_a_handler_that_raises_is_named_with_its_line_and_what_becomes_of_the_event(
    vtn: LocalVTN, said: Said
) -> None:
    with OpenADRClient("ven", vtn.url) as client:
        client.add_handler("on_event", broken)
        event_id = vtn.add_event()
        vtn.assert_opted(event_id, "optOut")

        line = said.wait_for("raised")
        assert line.startswith("ERROR ") and line.endswith(
            f"broken raised KeyError: 'charger-1' (line {broken.__code__.co_firstlineno + 1} of "
            f"test_messages.py). "
            f"Event {event_id!r} gets optOut, unless it was decided otherwise meanwhile."
        )


def test_a_report_callback_that_raises_is_named_with_its_line_and_what_becomes_of_the_report(
    vtn: LocalVTN, said: Said
) -> None:
    client = OpenADRClient("ven", vtn.url)
    client.add_report(broken, "meter", "voltage", sampling_rate=1)
    with client:
        line = said.wait_for("failed")

    assert "broken of" in line
    assert "(line " in line
    assert line.endswith("of test_messages.py). The report goes out with a gap.")


def test_an_event_that_nobody_decided_about_is_said(vtn: LocalVTN, said: Said) -> None:
    with OpenADRClient("ven", vtn.url, opt_timeout=0.3) as client:
        client.add_handler("on_event", lambda event: DEFER)
        event_id = vtn.add_event()
        vtn.assert_opted(event_id, "optOut")

        assert said.wait_for("not decided") == (
            f"WARNING Event {event_id!r} was not decided within 0.3 s (opt_timeout) and is "
            f"answered with optOut (default_opt). "
            f"A handler that returns later, or client.opt_in({event_id!r}), changes that."
        )


def test_the_end_of_a_trouble_says_of_which(vtn: LocalVTN, said: Said) -> None:
    with OpenADRClient("ven", vtn.url, poll_frequency=0.2):
        vtn.assert_registered()
        with vtn.fault("500", service="OadrPoll", times=1):
            said.wait_for("HTTP status 500")
            assert "The trouble with OadrPoll of the VTN ended after 1 time." in said.wait_for(
                "ended"
            )


COUNTED = re.compile(
    r" (?:further |more )?(?:changes|members|rows|samples|VENs|warnings|windows|were|are)\b"
)
NEVER_ONE = {
    ("fleet/push.py", "len(vens)"),  # several have one path
    ("oadr20b/services/events/lifecycle.py", "len(outcomes)"),  # says 1 event itself
    ("display/tables.py", "rows"),  # so does this
    ("members/slots.py", "slot"),
    ("members/sites.py", "name"),
    ("fleet/vens.py", "error"),
    ("transport/failures.py", "_setting(route)"),
}


def counts_with_a_plural() -> Iterator[tuple[str, str]]:
    """Module and number of each text of the SDK in which a number stands before a plural."""
    root = Path(ven_sdk.__file__).parent
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(("cli/certify", "cli/demo", "testing/")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else ()
            for number, text in zip(parts, parts[1:]):
                if isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant):
                    if COUNTED.match(str(text.value)):
                        yield name, ast.unparse(number.value)


def test_one_of_something_is_told_in_the_singular() -> None:
    """``write_count()`` writes "1 sample is" and "2 samples are"."""
    found = [one for one in counts_with_a_plural() if one not in NEVER_ONE]
    assert [one for one in found if not one[1].isupper()] == []
