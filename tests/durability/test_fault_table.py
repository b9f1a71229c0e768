"""Everything that can go wrong with a VTN or the way to it: each time the VEN recovers without a
hand.

Recovered means: it is registered, polls, answers a new event, delivers samples, and none of them
twice. Each trouble has a VTN and a VEN of its own, and all run at the same time. The time from the
end of the trouble to the first good poll is printed (``pytest -rP``).
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Callable
from unittest import mock

import pytest

from tests.durability.conftest import EACH_SECOND, hasty_ven
from ven_sdk import OpenADRClient
from ven_sdk.testing import LocalVTN, Refuse, ReportWish, Reset, Stalled, Status, pki

LENGTH = 0.8
"""Seconds that a trouble lasts; longer than a VEN's timeout."""
AT_ONCE = 8
Trouble = Callable[[LocalVTN, OpenADRClient], Any]


def fault(make: Callable[[], Any], seconds: float = LENGTH) -> Trouble:
    def trouble(vtn: LocalVTN, _ven: OpenADRClient) -> None:
        with vtn.faults(make()):
            time.sleep(seconds)

    return trouble


def down(vtn: LocalVTN, _ven: OpenADRClient) -> None:
    vtn.kill()
    time.sleep(LENGTH)
    vtn.restart()


def forgetful(vtn: LocalVTN, _ven: OpenADRClient) -> None:
    vtn.kill()
    time.sleep(LENGTH)
    vtn.restart(memory=False)


def restarted(vtn: LocalVTN, _ven: OpenADRClient) -> None:
    vtn.restart()


def renamed(vtn: LocalVTN, ven: OpenADRClient) -> None:
    """The VTN knows the VEN under other IDs, and refuses the old ones."""
    vtn.kill()
    vtn.restart(memory=False)
    vtn.accept = lambda request: True if request.ven_id in (None, "another-id") else "452"
    vtn.add_ven("ven1", ven_id="another-id", registration_id="another-registration")
    vtn.wait_until(
        lambda: (ven.ven_id, ven.registration_id) == ("another-id", "another-registration"),
        8,
        "the new IDs",
    )


def unresolved(vtn: LocalVTN, _ven: OpenADRClient) -> None:
    resolve = socket.getaddrinfo

    def gone(host: Any, *rest: Any, **more: Any) -> Any:
        if host in ("localhost", b"localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **more)

    with mock.patch.object(socket, "getaddrinfo", gone):
        vtn.restart()  # a connection that stands needs no name
        time.sleep(LENGTH)


def refused_for_a_while(vtn: LocalVTN, ven: OpenADRClient) -> None:
    """A VTN that was good a moment ago is asked again soon, and less and less while it lasts."""
    with vtn.faults(Status(403)):
        time.sleep(LENGTH)
    assert "403" in str(ven.status.last_error)


TROUBLES: dict[str, Trouble] = {
    "connection refused": down,
    "DNS gone": unresolved,
    "reset before the message is seen": fault(lambda: Reset("before", handled=False)),
    "reset before the reply": fault(lambda: Reset("before")),
    "reset in the reply": fault(lambda: Reset("in")),
    "reset after the reply": fault(lambda: Reset("after")),
    "half-open": fault(lambda: Stalled("connection"), 1.5),
    "stalled before the message is seen": fault(lambda: Stalled("request"), 1.5),
    "stalled before the reply": fault(lambda: Stalled("reply"), 1.5),
    "stalled in the reply": fault(lambda: Stalled("body"), 1.5),
    "500": fault(lambda: Status(500)),
    "502": fault(lambda: Status(502)),
    "503 with Retry-After": fault(lambda: Status(503, retry_after=1, times=2)),
    "403": refused_for_a_while,
    "463 to everything": fault(lambda: Refuse("463")),
    "restarted at once": restarted,
    "restarted without memory": forgetful,
    "IDs changed": renamed,
}
MESSAGES = (
    "oadrQueryRegistration",
    "oadrCreatePartyRegistration",
    "oadrRegisterReport",
    "oadrRequestEvent",
    "oadrPoll",
    "oadrCreatedEvent",
    "oadrUpdateReport",
    "oadrCreatedReport",
    "oadrCreateOpt",
)


def in_trouble(name: str, folder: Path) -> float:
    """The seconds that recovery from the trouble ``name`` took."""
    with LocalVTN(ask_for_reports=EACH_SECOND) as vtn:
        url = vtn.url.replace("127.0.0.1", "localhost") if name == "DNS gone" else vtn.url
        with hasty_ven(url, folder) as ven:
            ven.start(wait=5)
            vtn.wait_for_polls(2)
            TROUBLES[name](vtn, ven)
            return recovered(vtn, ven)


def unknown_at(message: str, folder: Path) -> float:
    """The same after one 463 to this kind of message."""
    wish = ReportWish(granularity=1, report_back_duration=1, by_poll=message == "oadrCreatedReport")
    patience = {"timeout": 5} if message == "oadrCreateOpt" else {}  # a caller waits so long
    with LocalVTN(ask_for_reports=wish) as vtn, hasty_ven(vtn.url, folder, **patience) as ven:
        refusal = vtn.fault(Refuse("463", message=message, times=1))
        vtn.add_event(dtstart=3600)
        ven.start(wait=5)
        if message == "oadrCreateOpt":
            ven.create_opt(
                "optOut",
                "notParticipating",
                vavailability=[{"dtstart": ven._engine.now(), "duration": 60}],
            )
        refusal.wait_for_hits(1, 8)
        return recovered(vtn, ven)


def with_other_certificate(side: str, folder: Path) -> float:
    """The same after a certificate was renewed."""
    with LocalVTN(tls=True, sign=True, ask_for_reports=EACH_SECOND) as vtn:
        before, after = pki.identity("ven1", end_days=100), pki.identity("ven1", end_days=200)
        vtn.trust(before.fingerprint)
        vtn.trust(after.fingerprint)
        cert, key = before.write(folder)
        trusted = (
            vtn.fingerprint if side == "VEN" else None
        )  # a VTN's new certificate is told to the user by hand
        with hasty_ven(
            vtn.url,
            folder,
            cert=cert,
            key=key,
            ca_file=vtn.ca_file,
            timeout=5,
            vtn_fingerprint=trusted,
        ) as ven:
            ven.start(wait=5)
            if side == "VTN":
                vtn.renew_certificate(pki.identity("vtn", end_days=300))
                vtn.restart()
                return recovered(vtn, ven)
            after.write(folder)
            vtn.ven("ven1").fingerprint = after.fingerprint  # as its operator enters it (rule L6)
            ven._engine.profile.exchange._refresh_at = 0.0  # a minute passed
            seconds = recovered(vtn, ven)
            assert vtn.received[-1].fingerprint == after.fingerprint
            return seconds


def recovered(vtn: LocalVTN, ven: OpenADRClient) -> float:
    """The seconds to the first good poll; fails where an event, a sample or the registration does
    not come through.
    """
    ended, polls = time.monotonic(), ven.status.counters["polls"]
    vtn.wait_until(
        lambda: ven.status.counters["polls"] > polls and ven.status.state == "registered",
        10,
        "a good poll",
    )
    seconds = time.monotonic() - ended
    event, samples = vtn.add_event(dtstart=3600), len(vtn.samples)
    vtn.wait_for_opt(event, "optIn", 10)
    vtn.wait_for_samples(samples + 1, 10)
    vtn.assert_no_doubles()
    return seconds


CASES: dict[str, Callable[[Path], float]] = {
    **{name: partial(in_trouble, name) for name in TROUBLES},
    **{f"463 to {message}": partial(unknown_at, message) for message in MESSAGES},
    **{
        f"certificate of the {side} renewed": partial(with_other_certificate, side)
        for side in ("VEN", "VTN")
    },
}


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, "Future[float]"]]:
    """What came of each case."""
    pki.authority()  # one for all threads
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE, "case"))
        yield {
            name: pool.submit(case, Path(stack.enter_context(tempfile.TemporaryDirectory())))
            for name, case in CASES.items()
        }


@pytest.mark.keeps_threads  # those of the other cases
@pytest.mark.parametrize("name", CASES)
def test_the_ven_recovers_by_itself(name: str, outcomes: dict[str, "Future[float]"]) -> None:
    print(f"{name}: polls again after {outcomes[name].result(60):.2f} s")
