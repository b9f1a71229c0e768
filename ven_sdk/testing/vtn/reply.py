"""What goes back over the wire: a :class:`Reply`, and :class:`Raw`, with which a test sends
anything at all.

Values only: ``http`` puts them on the wire, faults change them on the way. Any thread.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ... import argument_names, arguments
from ...errors import ConfigurationError

if TYPE_CHECKING:
    from ...schema.common import Payload

Body = Union[bytes, Iterable[bytes]]
KEEP, CLOSE, RESET = "keep", "close", "reset"
_ENDINGS = (KEEP, CLOSE, RESET)
XML = "application/xml"


@argument_names.checked_names
@dataclass
class Reply:
    """One HTTP reply.

    Arguments:
        status (200): HTTP status.
        body (b''): bytes, or an iterable of pieces, which goes out in chunked coding unless
            ``headers`` give a Content-Length.
        headers: come on top of Content-Type, Content-Length and Date, and replace them.
        delay (0.0): seconds before it begins.
        pace (0.0): seconds between pieces.
        piece (1): bytes of a piece.
        cut (1.0): how much of the body goes out, from 0.0 to 1.0.
        ending ('keep'): what happens to the connection then: ``'keep'``, ``'close'`` or
            ``'reset'``.
        silent (False): nothing goes out at all.
        verbatim (None): all the bytes of the reply, head included, in the place of everything else.
        record (None): the payload that the body holds, for the journal.
        lost (None): called where the connection broke while it was sent.
    """

    status: int = 200
    body: Body = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pace: float = 0.0
    piece: int = 1
    cut: float = 1.0
    ending: str = KEEP
    silent: bool = False
    verbatim: Optional[Body] = None
    record: Optional[Payload] = None
    lost: Optional[Callable[[], None]] = None

    def __post_init__(self) -> None:
        """Refuse what makes no reply. ``ConfigurationError`` names the field."""
        if type(self.body) is not bytes:
            _check_body("body", self.body)
        _check_body("verbatim", self.verbatim)
        if type(self.status) is not int or not 100 <= self.status <= 999:
            arguments.whole_number("status", self.status, 100, 999)
        if type(self.headers) is not dict and not isinstance(self.headers, Mapping):
            raise ConfigurationError(
                f"headers are a dict such as {{'X': 'y'}}, not {self.headers!r}."
            )
        for name in ("delay", "pace"):
            given = getattr(self, name)
            if given not in (0.0, math.inf):
                setattr(self, name, arguments.duration(name, given).total_seconds())
        if self.ending not in _ENDINGS:
            arguments.choice("ending", self.ending, _ENDINGS)

    @property
    def plain(self) -> bool:
        """Whether head and body may go out in one piece, on a connection that stays."""
        return (
            type(self.body) is bytes
            and not self.headers
            and self.pace == 0.0
            and self.cut == 1.0
            and self.verbatim is None
            and self.ending == KEEP
            and self.status == 200
        )

    def head(self, date: str) -> bytes:
        """Status line and headers; ``date`` is the text of that header."""
        headers: dict[str, str] = {"Content-Type": XML, "Date": date}
        if isinstance(self.body, bytes):
            headers["Content-Length"] = str(len(self.body))
        elif not _has(self.headers, "content-length") and self.ending == KEEP:
            headers["Transfer-Encoding"] = "chunked"
        if self.ending == CLOSE:
            headers["Connection"] = "close"
        for name, value in self.headers.items():
            for own in [own for own in headers if own.lower() == name.lower()]:
                del headers[own]
            headers[name] = value
        lines = [
            f"HTTP/1.1 {self.status} {_reason(self.status)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def pieces(self, date: str) -> Iterator[bytes]:
        """The reply as it goes over the wire, piece by piece; ``date`` as in ``head``."""
        if self.verbatim is not None:
            yield from _split(_as_pieces(self.verbatim), self.piece if self.pace else 0)
            return
        head = self.head(date)
        if isinstance(self.body, bytes):
            yield from _split(
                [head + self.body[: round(len(self.body) * self.cut)]],
                self.piece if self.pace else 0,
            )
            return
        yield head
        chunked = b"transfer-encoding: chunked" in head.lower()
        for piece in _split(self.body, self.piece if self.pace else 0):
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
        if chunked:
            yield b"0\r\n\r\n"


@argument_names.named_arguments
def Raw(
    body: Body = b"",
    *,
    status: int = 200,
    headers: Optional[Mapping[str, str]] = None,
    verbatim: Optional[Body] = None,
    **how: Any,
) -> Reply:
    """Any reply a test can think of, for :meth:`LocalVTN.queue`, :meth:`LocalVTN.reply_once` or as
    a fault.

    ``Raw(gzip_bomb, headers={'Content-Encoding': 'gzip'})``, ``Raw(itertools.repeat(b' ' * 4096))``
    for a body without end, ``Raw(headers={'X': 'x' * 10_000_000})``, ``Raw(b'<html>',
    status=503)``, ``Raw(verbatim=b'not even HTTP')``.

    Arguments:
        body (b''): bytes, or an iterable of pieces.
        status (200): HTTP status, 100 to 999.
        headers (None): HTTP headers on top of the usual ones.
        verbatim (None): all the bytes of the reply, in the place of everything else.
        **how: the other fields of :class:`Reply`, such as ``pace`` or ``ending``.

    Raises:
        ConfigurationError: what makes no reply.
    """
    argument_names.refuse_unknown("Raw", how, [each.name for each in fields(Reply)])
    given = {} if headers is None else headers
    return Reply(status=status, body=body, headers=given, verbatim=verbatim, **how)


def _check_body(name: str, given: object) -> None:
    if isinstance(given, str) or not (given is None or isinstance(given, (bytes, Iterable))):
        raise ConfigurationError(
            f"{name} is bytes or an iterable of bytes, not {given!r}. Write a text as b'...'."
        )


def _has(headers: Mapping[str, str], name: str) -> bool:
    return any(own.lower() == name for own in headers)


def _as_pieces(data: Body) -> Iterable[bytes]:
    return [data] if isinstance(data, bytes) else data


def _split(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    if not size:
        yield from pieces
        return
    for whole in pieces:
        for offset in range(0, len(whole), size):
            yield whole[offset : offset + size]


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
