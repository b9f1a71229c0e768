"""What all tests share: no thread of ours outlives its test, what VENs send is valid, hypothesis
without deadlines.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from lxml import etree

from tests.xsd_watch import WATCH, XsdWatch, load_schema
from ven_sdk.oadr20b.exchange import Exchange
from ven_sdk.schema.common import Payload

JOIN_SECONDS = 10.0


def _keep_compiled_modules() -> None:
    """Where PYTHONDONTWRITEBYTECODE is set, compiled modules go to pytest's own cache folder: four
    workers and hundreds of processes would compile the same again.
    """
    if sys.dont_write_bytecode:
        folder = Path(__file__).resolve().parent.parent / ".pytest_cache" / "pycache"
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
        sys.dont_write_bytecode = False
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


_keep_compiled_modules()

# Deadlines measure the machine, not the code: two cores run the suite beside everything else.
_common: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=40, **_common)
settings.register_profile("ci", max_examples=100, print_blob=True, **_common)
settings.register_profile("thorough", max_examples=2000, **_common)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


# --- how much of it -------------------------------------------------------------------------------

SHORT_TABLE = 3
SHARE = 1 / 10
GOLDEN = (5**0.5 - 1) / 2


def _asks_for_all_files(config: pytest.Config) -> bool:
    whole = {config.rootpath, config.rootpath / "tests"}
    return all((config.invocation_params.dir / one).resolve() in whole for one in config.args)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Who asks for all files waits for a tenth of each long table, spread evenly over its rows and
    columns. The rest is ``long``: CI runs it, and so does who names the folder, the file or the
    test.
    """
    if not _asks_for_all_files(config):
        return
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        if hasattr(item, "callspec"):
            tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for rows in tables.values():
        if len(rows) > SHORT_TABLE:
            for place, row in enumerate(rows):
                if place * GOLDEN % 1 >= SHARE:
                    row.add_marker(pytest.mark.long)


# --- threads --------------------------------------------------------------------------------------


def _ours() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("ven_sdk")}


def _still_alive(threads: set[threading.Thread]) -> list[str]:
    for thread in threads:
        thread.join(JOIN_SECONDS / len(threads))
    return sorted(thread.name for thread in threads if thread.is_alive())


@pytest.fixture(autouse=True)
def no_thread_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After the test and its fixtures no thread of ours is alive that was not before (a module's
    server may be).
    """
    before = _ours()
    yield
    if request.node.get_closest_marker("keeps_threads"):
        return
    left = _still_alive(_ours() - before)
    assert not left, f"still alive {JOIN_SECONDS} s after the test: {', '.join(left)}"


# --- the log --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """What a test, or an example that it runs, does to the log of the package ends with it."""
    logger = logging.getLogger("ven_sdk")
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


def _root_handlers() -> list[logging.Handler]:
    root = logging.getLogger()
    return [handler for handler in root.handlers if type(handler) is logging.StreamHandler]


@pytest.fixture(autouse=True)
def no_log_handler_left() -> Iterator[None]:
    """No test leaves a handler on the root logger: it would write to a stream that its test closed,
    for every test that follows.
    """
    before = _root_handlers()
    yield
    left = [handler for handler in _root_handlers() if handler not in before]
    for handler in left:
        logging.getLogger().removeHandler(handler)
    assert left == [], "the test leaves a handler on the root logger; use the fixture own_process"


@pytest.fixture
def own_process(no_log_handler_left: None) -> Iterator[None]:
    """For what a program of its own may do: the log, warnings and SIGTERM are as before after the
    test.
    """
    root = logging.getLogger()
    handlers, level, on_term = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    signal.signal(signal.SIGTERM, on_term)


# --- the official XSD -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def xsd() -> etree.XMLSchema:
    """The official OpenADR 2.0b schema; ``xsd.assertValid(element)`` says what is wrong."""
    schema = load_schema()
    if schema is None:
        pytest.skip(
            "pip install '.[test]' brings openleadr, whose package data holds the official XSD"
        )
    return schema


@pytest.fixture(autouse=True)
def xsd_watch(request: pytest.FixtureRequest, no_thread_left: None) -> Iterator[XsdWatch]:
    """Fails the test whose VEN sent what the official XSD refuses."""
    yield WATCH
    faults = WATCH.faults()
    if not request.node.get_closest_marker("sends_invalid"):
        assert not faults, "sent, but refused by the official XSD:\n" + "\n\n".join(faults[:3])


def _watch_what_vens_send() -> None:
    """Everything that any VEN of any test sends passes here, signed or not."""
    made = Exchange.serialise

    def watched(self: Exchange, record: Payload) -> bytes:
        body = made(self, record)
        WATCH.see(body)
        return body

    Exchange.serialise = watched  # type: ignore[method-assign]


_watch_what_vens_send()


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["xsd"] = (WATCH.checked, WATCH.invalid)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    checked, invalid = getattr(node, "workeroutput", {}).get("xsd", (0, 0))
    WATCH.checked += checked
    WATCH.invalid += invalid


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(
        f"Sent by VENs and held against the official XSD: {WATCH.checked} messages, "
        f"{WATCH.invalid} invalid (those of tests marked sends_invalid included)."
    )


# --- places ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the source tree."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def clean_env() -> dict[str, str]:
    """An environment for child processes that sees the source tree and nothing of the tester's own
    settings.
    """
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR")
        if name in os.environ
    }
    return {
        **kept,
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        "PYTHONUNBUFFERED": "1",
    }
