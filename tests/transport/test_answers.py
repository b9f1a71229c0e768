"""Whatever bytes come, reading them ends in an answer or in one of the exceptions that become a
TransportError.
"""

from __future__ import annotations

import http.client
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from ven_sdk.transport.answers import receive
from ven_sdk.transport.route import Deadline, Stage, Unacceptable
from ven_sdk.transport.wire import Wire

LIMIT = 500
LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 503 x",
        b"HTTP/1.1 200",
        b"HTTP/1.1 999",
        b"Content-Length: 5",
        b"Content-Length: -5",
        b"Content-Length: 1e9",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: gzip",
        b"Connection: close",
        b"Date: now",
        b": x",
        b" folded",
        b"",
        b"",
        b"5",
        b"-1",
        b"0",
        b"ff;x=y",
        b"hello",
        b"\x00\xff",
    ]
)
STREAMS = st.one_of(
    st.binary(max_size=200),
    st.lists(LINES | st.binary(max_size=9), max_size=12).map(b"\r\n".join),
    st.lists(LINES, max_size=9).map(lambda lines: b"\r\n".join([b"HTTP/1.1 200 OK", *lines])),
)


class Memory:
    """Stands for a wire whose peer sent ``data`` in small pieces and hung up."""

    def __init__(self, data: bytes) -> None:
        self.stage = Stage.WAIT
        self._data = data

    def receive_into(self, buffer: Any, deadline: Deadline) -> int:
        piece, self._data = self._data[: min(7, len(buffer))], self._data[7:]
        buffer[: len(piece)] = piece
        return len(piece)

    def has_surplus(self) -> bool:
        return False


@given(STREAMS)
def test_any_stream_is_an_answer_within_the_limit_or_a_known_failure(data: bytes) -> None:
    try:
        answer, _ = receive(cast(Wire, Memory(data)), Deadline(9), LIMIT)
    except (OSError, http.client.HTTPException, Unacceptable):
        return
    assert answer.status_code >= 100
    assert len(answer.content) <= LIMIT


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=8),
    st.sampled_from([b"", b";a=b", b" "]),
    st.booleans(),
)
def test_a_chunked_body_is_put_together_as_it_was(parts: Any, extension: bytes, bare: bool) -> None:
    end = b"\n" if bare else b"\r\n"
    chunks = b"".join(b"%x%s%s%s%s" % (len(part), extension, end, part, end) for part in parts)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    wire = Memory(head + chunks + b"0" + end + b"T: x" + end + end)
    answer, can_go_on = receive(cast(Wire, wire), Deadline(9), LIMIT)

    assert answer.content == b"".join(parts)
    assert can_go_on


@given(st.integers(min_value=0, max_value=80))
def test_an_answer_that_is_cut_off_anywhere_is_no_answer(length: int) -> None:
    whole = b"HTTP/1.1 200 OK\r\nServer: something\r\nContent-Length: 30\r\n\r\n" + b"x" * 30
    try:
        answer, _ = receive(cast(Wire, Memory(whole[:length])), Deadline(9), LIMIT)
    except (OSError, http.client.HTTPException):
        return
    raise AssertionError(f"{answer.content!r} of {whole[:length]!r}")
