"""The default handler, the redaction of the wire log, and failures that repeat."""

from __future__ import annotations

import io
import logging
import re
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Callable

import pytest

from ven_sdk.errors import ConfigurationError, ProtocolError
from ven_sdk.log import PACKAGE, WIRE, RedactedBody, Repeats, enable_default_logging, redact


@pytest.fixture
def package_logger() -> Iterator[logging.Logger]:
    """The package's logger, put back as it was."""
    logger = logging.getLogger(PACKAGE)
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture
def said(package_logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().err


def test_a_line_has_time_level_logger_and_message(said: Callable[[], str]) -> None:
    enable_default_logging()

    logging.getLogger("ven_sdk.runtime.engine").warning("The VTN answered %d.", 503)

    line = said()
    match = re.fullmatch(
        r"(\S+ \S+) WARNING ven_sdk\.runtime\.engine: The VTN answered 503\.\n", line
    )
    assert match
    moment = datetime.fromisoformat(match.group(1))
    assert moment.utcoffset() is not None
    assert abs(moment.timestamp() - time.time()) < 60


def test_calling_it_twice_gives_one_line_and_the_later_level(said: Callable[[], str]) -> None:
    enable_default_logging()
    enable_default_logging(logging.WARNING)

    logging.getLogger("ven_sdk.a").info("not said")
    logging.getLogger("ven_sdk.a").warning("said once")

    text = said()
    assert text.count("\n") == 1
    assert text.endswith("said once\n")


def test_many_threads_calling_it_at_once_install_one_handler(
    package_logger: logging.Logger,
) -> None:
    before = len(package_logger.handlers)
    start = threading.Barrier(8)
    threads = [
        threading.Thread(target=lambda: (start.wait(), enable_default_logging())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(package_logger.handlers) == before + 1


def test_the_root_logger_is_left_alone(package_logger: logging.Logger) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))

    enable_default_logging("debug")

    assert (root.level, list(root.handlers)) == before
    assert package_logger.level == logging.DEBUG


@pytest.mark.parametrize("level", ["LOUD", None, 1.5])
def test_an_unknown_level_is_an_error_that_lists_the_levels(
    package_logger: logging.Logger, level: object
) -> None:
    with pytest.raises(ConfigurationError, match=rf"{re.escape(repr(level))}.*'DEBUG', 'INFO'"):
        enable_default_logging(level)  # type: ignore[arg-type]


def test_stderr_is_looked_up_for_every_line(
    package_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    enable_default_logging()
    later = io.StringIO()
    monkeypatch.setattr("sys.stderr", later)

    logging.getLogger("ven_sdk.a").info("to the new one")

    assert "to the new one" in later.getvalue()


def test_a_text_of_the_vtn_cannot_forge_a_line_or_move_the_cursor(said: Callable[[], str]) -> None:
    enable_default_logging()

    logging.getLogger("ven_sdk.a").info(
        "comment: %s", "x\n2026-01-01 ERROR\r\x1b[2J\u2028\u0085\tend"
    )

    text = said()
    assert text.endswith("comment: x\\n2026-01-01 ERROR\\r\\x1b[2J\\u2028\\x85\tend\n")
    assert text.count("\n") == 1


def test_a_traceback_follows_its_line(said: Callable[[], str]) -> None:
    enable_default_logging()
    try:
        raise ValueError("inside")
    except ValueError:
        logging.getLogger("ven_sdk.a").exception("It failed.")

    lines = said().splitlines()
    assert lines[0].endswith("It failed.")
    assert lines[-1] == "    ValueError: inside"
    assert all(line.startswith("    ") for line in lines[1:])


def test_the_text_of_an_exception_forges_no_line_below_a_traceback(
    said: Callable[[], str],
) -> None:
    enable_default_logging()
    try:
        raise ValueError("x\n2026-01-01 00:00:00 CRITICAL root: call 0800\x1b[2J")
    except ValueError:
        logging.getLogger("ven_sdk.a").exception("It failed.")

    lines = said().splitlines()
    assert all(line.startswith("    ") for line in lines[1:])
    assert "\x1b" not in "".join(lines)


SECRET = "c2VjcmV0"
KEY = (
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nDEK-Info: AES-128-CBC,12\n\n{}\n-----END ENCRYPTED "
    "PRIVATE KEY-----"
)


@pytest.mark.parametrize(
    "text",
    [
        f"before {KEY.format(SECRET)} after",
        f"before -----BEGIN RSA PRIVATE KEY-----\n{SECRET}",
        f"before -----BEGIN CERTIFICATE-----\n{SECRET}\n-----END CERTIFICATE----- after",
        f"before <ds:X509Certificate>\n{SECRET}\n</ds:X509Certificate> after",
        f'before <X509Certificate xmlns="urn:x">{SECRET}</X509Certificate> after',
        f"before <ds:SignatureValue Id='s'>{SECRET}</ds:SignatureValue> after",
        f"before <dsig11:PublicKey>{SECRET}</dsig11:PublicKey> after",
        f"before passphrase='{SECRET} and more' after",
        f'before {{"Password": "{SECRET}"}} after',
        f"before key.pem password={SECRET} after",
        f"before Authorization: Basic {SECRET}\r\nafter",
        f"before 'Proxy-Authorization': 'Basic {SECRET}' after",
        f"before https://ven:{SECRET}@proxy.example:8080/ after",
    ],
)
def test_secrets_are_cut_and_the_rest_stays(text: str) -> None:
    cut = redact(text)

    assert SECRET not in cut
    assert "[cut]" in cut
    assert cut.startswith("before ")
    assert cut.endswith("after") == text.endswith("after")


def test_what_is_no_secret_stays_as_it_is() -> None:
    text = (
        "<oadrPoll><ei:venID>123</ei:venID><ds:DigestValue>abc=</ds:DigestValue></oadrPoll> "
        "https://vtn.example:8080/OpenADR2/Simple/2.0b user@example.org"
    )

    assert redact(text) == text


def test_redaction_can_be_repeated() -> None:
    once = redact(KEY.format(SECRET) + f" password={SECRET}")

    assert redact(once) == once


@pytest.mark.parametrize(
    "hostile",
    [
        "-----BEGIN A-----" * 20_000,
        "<X509Certificate " * 20_000,
        "password='" * 30_000,
        "a" * 300_000,
        "http://a" * 40_000,
        "authorization=" * 20_000,
    ],
    ids=["begin", "tag", "quote", "letters", "url", "header"],
)
def test_a_hostile_body_is_redacted_in_linear_time(hostile: str) -> None:
    started = time.process_time()

    redact(hostile)

    assert time.process_time() - started < 2.0


def test_a_body_is_only_decoded_and_redacted_when_the_line_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = f"<X509Certificate>{SECRET}</X509Certificate>é".encode() + b"\xff"
    wire = logging.getLogger(WIRE)
    with caplog.at_level(logging.DEBUG, WIRE):
        wire.debug("sent %s", RedactedBody(body))

    assert caplog.messages == ["sent <X509Certificate>[cut]</X509Certificate>é\\xff"]


@pytest.fixture
def repeats() -> Repeats:
    return Repeats(logging.getLogger("ven_sdk.repeats"), limit=3)


def test_a_failure_is_said_first_then_at_growing_distances(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    counts = [
        repeats.note("poll", logging.WARNING, "No answer from %s.", "vtn") for _ in range(150)
    ]

    assert counts == list(range(1, 151))
    assert caplog.messages == [
        "No answer from vtn.",
        "No answer from vtn. (10 times so far)",
        "No answer from vtn. (100 times so far)",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_the_end_of_a_failure_is_said_with_its_count(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        repeats.note("poll", logging.WARNING, "No answer.")
    with caplog.at_level(logging.INFO, PACKAGE):
        ended = [repeats.end("poll", "Polling without an answer"), repeats.end("poll")]
        repeats.note("disk", logging.WARNING, "No room.")
        repeats.end("disk")

    assert ended == [3, 0]
    assert caplog.messages[1:] == [
        "Polling without an answer ended after 3 times.",
        "No room.",
        "disk ended after 1 time.",
    ]


def test_after_its_end_a_failure_is_said_anew(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    repeats.note("poll", logging.WARNING, "No answer.")
    repeats.end("poll")
    repeats.note("poll", logging.WARNING, "No answer.")

    assert [message for message in caplog.messages if message == "No answer."] == ["No answer."] * 2


def test_a_percent_sign_in_a_plain_text_is_harmless(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10):
        repeats.note("disk", logging.ERROR, "The disk is 100 % full.")

    assert caplog.messages == [
        "The disk is 100 % full.",
        "The disk is 100 % full. (10 times so far)",
    ]


def test_each_of_many_has_a_count_of_its_own_and_is_named(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = repeats.of("ven-1"), repeats.of("ven-2")
    counts = [each.note("link", logging.WARNING, "No answer.") for each in (one, other, one)]
    with caplog.at_level(logging.INFO, PACKAGE):
        one.end("link", "The trouble")
        other.log(logging.INFO, "events: 'a'\nis new.")

    assert counts == [1, 1, 2]
    assert caplog.messages == [
        "ven-1: No answer.",
        "ven-2: No answer.",
        "ven-1: The trouble ended after 2 times.",
        "ven-2: events: 'a'\\nis new.",
    ]


def test_it_may_be_said_that_a_failure_goes_on(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    assert not repeats.remind("link", logging.WARNING, "No answer.")
    for _ in range(3):
        repeats.note("link", logging.WARNING, "No answer. Trying again in 2 s.")
    assert repeats.remind("link", logging.WARNING, "No answer.")
    repeats.end("link")
    assert not repeats.remind("link", logging.WARNING, "No answer.")
    assert caplog.messages[:2] == ["No answer. Trying again in 2 s.", "No answer. (3 times so far)"]


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\rb", "a\x1b[2Jb", "a\x85b", "a\u2028b", "a\u202eb", "a\udc80b", "a\x00b"],
    ids=repr,
)
def test_what_others_wrote_stays_on_one_line(
    text: str, repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    repeats.note("vtn", logging.WARNING, "The VTN said %s.", text)
    repeats.note("vtn again", logging.WARNING, f"The VTN said {text}.")

    for message in caplog.messages:
        assert message.isprintable()
        message.encode()
    assert str(ProtocolError(text)).isprintable()


def test_of_too_many_failures_the_one_longest_unheard_of_is_forgotten(repeats: Repeats) -> None:
    for key in ("a", "b", "c", "a", "d"):
        repeats.note(key, logging.DEBUG, "x")

    assert [repeats.count(key) for key in "abcd"] == [2, 0, 1, 1]


def test_threads_that_fail_together_are_counted_exactly(
    repeats: Repeats, caplog: pytest.LogCaptureFixture
) -> None:
    counts: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: counts.extend(
                repeats.note("x", logging.WARNING, "Failed.") for _ in range(250)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(counts) == list(range(1, 1001))
    assert len(caplog.messages) == 4
