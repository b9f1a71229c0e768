"""openleadr's documented client examples, in our words: converted by the documentation's table,
they run and do the same.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.compat.converter import converted, table
from ven_sdk import ConfigurationError, OpenADRClient
from ven_sdk.testing import LocalVTN

EXAMPLES = {
    path.name[:-7]: path for path in sorted((Path(__file__).parent / "examples").glob("*.py.txt"))
}
SECONDS = 20


class Running:
    """A converted example on a thread; ``names`` is its namespace."""

    def __init__(self, name: str, change: Callable[[str], str]) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.failure: list[BaseException] = []
        code = compile(
            change(converted(EXAMPLES[name].read_text(encoding="utf-8"))),
            name,
            "exec",
            dont_inherit=True,
        )
        self._thread = threading.Thread(target=self._go, args=(code,))
        self._thread.start()

    def _go(self, code: Any) -> None:
        try:
            exec(code, self.names)
        except BaseException as failure:
            self.failure.append(failure)

    def stop(self) -> None:
        """Stop its client; what the program raised is raised here."""
        for client in [self.names.get("client"), *self.names.get("clients", ())]:
            if isinstance(client, OpenADRClient):
                client.stop(2)
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()
        if self.failure:
            raise self.failure[0]


Start = Callable[[str], Running]


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(ask_for_reports=True) as vtn:
        yield vtn


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    logger = logging.getLogger("ven_sdk")
    before = logger.level, list(logger.handlers)
    yield
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


@pytest.fixture
def start(vtn: LocalVTN) -> Iterator[Start]:
    running: list[Running] = []

    def begin(name: str) -> Running:
        running.append(
            Running(name, lambda text: text.replace("localhost:8080", f"127.0.0.1:{vtn.port}"))
        )
        return running[-1]

    yield begin
    for each in running:
        each.stop()


def test_the_first_example_reports_and_answers(vtn: LocalVTN, start: Start) -> None:
    start("first")
    vtn.assert_registered("ven123", timeout=SECONDS)

    vtn.assert_opted(vtn.add_event(intervals=[1]), "optIn")
    vtn.wait_for_samples(1, timeout=SECONDS, r_id="device001-voltage")
    assert vtn.samples[0].value == 1.23


def test_an_event_is_read_by_its_keys(vtn: LocalVTN, start: Start) -> None:
    running = start("event_as_dict")
    vtn.assert_registered(timeout=SECONDS)

    event_id = vtn.add_event(
        intervals=[1, 2], duration=600, targets={"resource_id": ["Device001", "Device002"]}
    )
    vtn.assert_opted(event_id, "optIn")
    vtn.modify_event(event_id, intervals=[3])
    vtn.assert_opted(event_id, "optOut", modification_number=1)

    found, payloads, resources, first, duration, again = running.names["seen"][0]
    assert (found, payloads, resources) == (event_id, [1, 2], ["Device001", "Device002"])
    assert first == {"resource_id": "Device001"}
    assert duration.total_seconds() == 600
    assert again == event_id


def test_reports_of_every_mode_are_delivered(vtn: LocalVTN, start: Start) -> None:
    start("reports")

    assert vtn.wait_for_samples(1, timeout=SECONDS, r_id="boiler")[0].value == 71.5
    assert vtn.wait_for_samples(1, timeout=SECONDS, r_id="pump")[0].value == 2
    assert vtn.wait_for_samples(1, timeout=SECONDS, r_id="tank")[0].value == 2
    assert vtn.wait_for_samples(1, timeout=SECONDS, r_id="energy")[0].value == 10.5


def test_messages_are_signed_and_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with LocalVTN(tls=True, sign=True) as vtn:
        mine = vtn.client_cert("MyVEN", "rsa", passphrase="my-key-password")
        for source, name in (
            (mine.cert, "ven.pem"),
            (mine.key, "ven.key"),
            (vtn.ca_file, "utility-ca.pem"),
        ):
            shutil.copy(source, name)
        running = Running(
            "signed",
            lambda text: text.replace(
                "https://vtn.example.com/OpenADR2/Simple/2.0b", vtn.url
            ).replace("AA:BB:CC:DD:EE:FF:11:22:33:44", vtn.fingerprint),
        )
        try:
            vtn.assert_registered("MyVEN", timeout=SECONDS)
            vtn.assert_opted(vtn.add_event(), "optIn")
            assert vtn.ven("MyVEN").fingerprint == mine.fingerprint
        finally:
            running.stop()


def test_a_schedule_is_sent_and_withdrawn(vtn: LocalVTN, start: Start) -> None:
    running = start("opt_schedule")

    sent = vtn.wait_for("oadrCreateOpt", timeout=SECONDS)
    gone = vtn.wait_for("oadrCancelOpt", timeout=SECONDS)

    assert (sent.opt_type, sent.opt_reason, sent.targets) == (
        "optOut",
        "notParticipating",
        [{"resource_id": "charger-1"}],
    )
    assert gone.opt_id == sent.opt_id
    running.stop()
    assert running.names["made"] == [sent.opt_id]


def test_hooks_see_every_message(vtn: LocalVTN, start: Start) -> None:
    running = start("hooks")
    vtn.wait_for_polls(1, timeout=SECONDS)
    running.stop()

    assert any("oadrPoll" in text for text in running.names["sent"])
    assert any("oadrCreatedPartyRegistration" in text for text in running.names["received"])
    kinds = [kind for kind, _ in running.names["parsed"]]
    assert "oadrCreatedPartyRegistration" in kinds
    assert dict(running.names["parsed"])["oadrCreatedPartyRegistration"].ven_id


def test_methods_are_callbacks(vtn: LocalVTN, start: Start) -> None:
    running = start("method_callbacks")
    vtn.assert_registered(timeout=SECONDS)

    vtn.assert_opted(vtn.add_event(intervals=[3]), "optOut")
    assert running.names["charger"].limit == 3
    assert vtn.wait_for_samples(1, timeout=SECONDS, r_id="power")[0].value == 7.4


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_nothing_of_asyncio_and_openleadr_is_left(name: str) -> None:
    program = EXAMPLES[name].read_text(encoding="utf-8")

    assert "openleadr" in program
    assert [
        word
        for word in ("asyncio", "async ", "await", "openleadr", "loop")
        if word in converted(program)
    ] == []


def test_every_row_of_the_table_is_used_or_speaks_of_another_way_to_start() -> None:
    programs = "\n".join(path.read_text(encoding="utf-8") for path in EXAMPLES.values())

    unused = [old for old, _ in table() if old not in programs]
    assert unused == [
        "from openleadr.utils import certificate_fingerprint",
        "loop.run_until_complete(main())",
    ]


@pytest.mark.parametrize(
    "give",
    [
        lambda client, function: client.add_handler("on_event", function),
        lambda client, function: client.add_report(
            callback=function, resource_id="r", measurement="voltage"
        ),
        lambda client, function: client.add_hook("before_send_xml", function),
        lambda client, function: setattr(client, "on_event", function),
    ],
)
def test_a_forgotten_async_is_answered_with_the_change_to_make(
    give: Callable[[OpenADRClient, Any], Any],
) -> None:
    async def collect(*_: Any) -> int:
        return 1

    with pytest.raises(ConfigurationError) as caught:
        give(OpenADRClient("ven123", "http://localhost:8080"), collect)

    text = str(caught.value)
    assert "change 'async def collect(...)' to 'def collect(...)'" in text
    assert "leave out 'await'" in text
