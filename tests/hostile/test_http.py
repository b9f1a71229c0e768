"""Hostile HTTP in the place of a poll's reply: statuses, redirects, slowness, broken framing; the
VEN goes on.
"""

from __future__ import annotations

import itertools
import re
import socket
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from tests.hostile.bodies import Row
from tests.hostile.stage import PATIENCE, Stage, eventually, threads_of
from ven_sdk.testing import Raw

pytestmark = (
    pytest.mark.keeps_threads
)  # one stage serves all rows; it looks after its threads itself
TIMEOUT = 0.6


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(timeout=TIMEOUT) as stage:
        stage.answers_a_good_event()
        yield stage
        assert stage.keeps_to_its_threads(), threads_of()
    eventually(lambda: threads_of() == [], "all threads to end")


def status(code: int, body: bytes = b"", **headers: str) -> Callable[[Stage], Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda stage: Raw(body or stage.evil_list(), status=code, headers=named)


def raw(data: bytes, **how: Any) -> Callable[[Stage], Any]:
    return lambda stage: Raw(verbatim=data, ending="close", **how)


def framed(*headers: str) -> Callable[[Stage], Any]:
    """The evil list whole, under a head of one's own."""

    def make(stage: Stage) -> Any:
        body = stage.evil_list()
        head = "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]) % {"size": len(body)}
        return Raw(verbatim=head.encode() + body, ending="close")

    return make


HTML = b"<html><body><h1>It works!</h1></body></html>"
ENDLESS = itertools.repeat
HTTP: dict[str, Row] = {
    **{
        f"{code} with an event": Row(status(code), f"HTTP status {code}")
        for code in (
            201,
            206,
            400,
            401,
            403,
            404,
            405,
            406,
            407,
            408,
            410,
            413,
            415,
            418,
            501,
            502,
            504,
            599,
        )
    },
    "429 with Retry-After": Row(status(429, Retry_After="1"), "HTTP status 429"),
    "429 with a Retry-After of a hundred years": Row(
        status(429, Retry_After="3155760000"), "HTTP status 429"
    ),
    "500 with HTML": Row(status(500, HTML), "HTTP status 500"),
    "503 with HTML": Row(status(503, HTML, Retry_After="soon"), "HTTP status 503"),
    "an endless slow body": Row(
        lambda stage: Raw(ENDLESS(b" "), pace=0.05),
        "body of the answer was not complete within 0.6 s",
    ),
    "an endless slow header": Row(
        raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, pace=0.05),
        "headers of the answer were not comp",
    ),
    "slow header after slow header": Row(
        raw(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 10_000, pace=0.05, piece=6),
        "headers of the answer were not comp",
    ),
    "endless interim answers": Row(
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000), "bytes of headers|failed"
    ),
    "a header of 1 MB": Row(
        lambda stage: Raw(stage.evil_list(), headers={"X": "x" * 2**20}), "bytes of headers|line"
    ),
    "10,000 headers": Row(
        lambda stage: Raw(stage.evil_list(), headers={f"X-{i}": "x" for i in range(10_000)}),
        "headers",
    ),
    "silence": Row(lambda stage: Raw(silent=True, delay=5), "did not begin to answer within 0.6 s"),
    "hanging up": Row(lambda stage: Raw(silent=True, ending="close"), "hung up without an answer"),
    "a reset": Row(lambda stage: Raw(silent=True, ending="reset"), "hung up|reset|ended"),
    "a reset within the body": Row(
        lambda stage: Raw(stage.evil_list(), cut=0.5, ending="reset"), "ended within the body|reset"
    ),
    "half of what was announced": Row(
        lambda stage: Raw(stage.evil_list(), cut=0.5, ending="close"), "ended within the body"
    ),
    "no HTTP": Row(raw(b"SSH-2.0-OpenSSH_9.0\r\n\r\n"), "failed"),
    "HTTP/0.9": Row(lambda stage: Raw(verbatim=stage.evil_list(), ending="close"), "failed"),
    "a status that is no number": Row(raw(b"HTTP/1.1 OK 200\r\n\r\n"), "failed"),
    "a negative length": Row(framed("Content-Length: -1", "Transfer-Encoding: gzip"), "failed"),
    "a chunk of negative size": Row(
        framed("Transfer-Encoding: chunked"), "has a chunk without a valid size"
    ),
    "a transfer encoding": Row(framed("Transfer-Encoding: gzip, chunked"), "transfer encoding"),
    "brotli": Row(framed("Content-Encoding: br", "Content-Length: %(size)d"), "is encoded with"),
}


@pytest.mark.parametrize("kind", HTTP)
def test_hostile_http_moves_nothing_and_the_next_event_is_answered(stage: Stage, kind: str) -> None:
    row = HTTP[kind]
    before = time.monotonic()

    seen = stage.deliver(row.make(stage))

    assert seen.moved == {}
    assert [line for line in stage.warnings() if re.search(row.words, line)], stage.warnings()[-3:]
    stage.answers_a_good_event()
    assert time.monotonic() - before < PATIENCE


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(stage: Stage, code: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        port = elsewhere.getsockname()[1]

        seen = stage.deliver(
            Raw(b"", status=code, headers={"Location": f"http://127.0.0.1:{port}/OadrPoll"})
        )

        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert seen.moved == {}
    assert [line for line in stage.warnings() if f"HTTP status {code}" in line]
    stage.answers_a_good_event()


def test_retry_after_is_heeded(stage: Stage) -> None:
    stage.settle()
    stage.vtn.reply_once(Raw(status=429, headers={"Retry-After": "1"}))
    eventually(
        lambda: "HTTP status 429" in str(stage.client.status.last_error), "the VEN was told to wait"
    )
    told, mark = time.monotonic(), stage.vtn.mark()

    stage.vtn.wait_until(lambda: stage.vtn._journal.last > mark, PATIENCE, "something to arrive")

    assert time.monotonic() - told >= 0.9
    stage.answers_a_good_event()


def test_a_vtn_whose_polls_always_fail_is_asked_less_and_less(stage: Stage) -> None:
    """The event request that follows each failed poll succeeds, and must not undo the polls'
    back-off.
    """
    stage.settle()
    said, mark = len(stage.warnings()), stage.vtn.mark()
    with stage.vtn.fault("503", service="OadrPoll"):
        threading_wait(3.0)
        polls = len(stage.vtn.received_of("oadrPoll", after=mark))
        lines = [line for line in stage.warnings()[said:] if "HTTP status 503" in line]
    stage.poll_at_once()

    assert 1 <= polls <= 8
    assert len(lines) == 1
    stage.answers_a_good_event()


def threading_wait(seconds: float) -> None:
    """What happens within some time is the matter here; there is no condition to wait for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
