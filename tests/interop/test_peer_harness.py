"""The second process that runs openleadr's VTN does what tests ask of it; what openleadr answers is
pinned down.

A VEN of literal XML talks to it, so that nothing of the SDK is needed to trust the harness. For CI:
each test starts a process with openleadr, and tells nothing about the SDK.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest
import requests
import trustme

from tests.peers.openleadr_peer import OpenleadrVTN, PeerError, in_a_row
from tests.peers.raw_ven import RawVen, name, text

messaging = pytest.importorskip("openleadr.messaging")
utils = pytest.importorskip("openleadr.utils")

pytestmark = pytest.mark.long
SECOND = timedelta(seconds=1)
PASSPHRASE = "a pass phrase of the test"


@pytest.fixture
def vtn() -> Iterator[OpenleadrVTN]:
    with OpenleadrVTN(
        report_requests=[{"sampling_interval": SECOND, "report_interval": 2 * SECOND}]
    ) as vtn:
        yield vtn


@pytest.fixture
def ven(vtn: OpenleadrVTN) -> Iterator[RawVen]:
    with RawVen(vtn.url) as ven:
        ven.register()
        yield ven


def in_an_hour(*payloads: float) -> list[dict[str, Any]]:
    return in_a_row(
        datetime.now(timezone.utc) + timedelta(hours=1), timedelta(minutes=1), *payloads
    )


def test_a_whole_conversation_is_answered_and_told(vtn: OpenleadrVTN) -> None:
    with RawVen(vtn.url, ven_name="conversation") as ven:
        assert text(ven.query(), "registrationID") == ""
        ven.register()
        request = text(ven.offer("p"), "reportRequestID")
        ven.confirm_reports(request)
        ven.deliver(request, [("p", 1.5)], [("p", 2.5)])
        event_id = vtn.add_event(ven.ven_id, intervals=in_an_hour(1, 2))
        assert text(ven.poll(), "eventID") == event_id
        ven.answer_event(event_id, "optOut")
        assert name(ven.poll()) == "oadrResponse"

    registration = vtn.wait_for("registration")
    assert (registration["ven_name"], registration["ven_id"]) == ("conversation", ven.ven_id)
    assert vtn.wait_for("report_offer")["r_ids"] == ["p"]
    asked = vtn.wait_for("report_request")
    assert asked["report_request_id"] == request
    assert (asked["granularity"], asked["report_back_duration"]) == ("PT1S", "PT2S")
    assert vtn.wait_for("report_confirmation")["pending"] == [request]
    noon = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
    assert vtn.wait_for("report_data")["values"] == [[noon, 1.5], [noon + SECOND, 2.5]]
    assert [each["value"] for each in vtn.wait_for("report")["values"]] == ["1.5", "2.5"]
    response = vtn.wait_for("event_response")
    assert (response["event_id"], response["opt_type"], response["reply_code"]) == (
        event_id,
        "optOut",
        "200",
    )
    polls = [vtn.wait_for("poll", count=number) for number in (1, 2)]
    assert polls[0]["monotonic"] < polls[1]["monotonic"]
    assert [poll["reply"] for poll in polls] == ["distribute_event", "response"]


def test_an_event_is_polled_once_and_requested_as_often_as_wanted(
    vtn: OpenleadrVTN, ven: RawVen
) -> None:
    vtn.add_event(ven.ven_id, intervals=in_an_hour(1))

    answers = [
        name(each()) for each in (ven.request_events, ven.poll, ven.poll, ven.request_events)
    ]

    assert answers == [
        "oadrDistributeEvent",
        "oadrDistributeEvent",
        "oadrResponse",
        "oadrDistributeEvent",
    ]


def test_modified_and_cancelled_events_go_out_with_their_number(
    vtn: OpenleadrVTN, ven: RawVen
) -> None:
    event_id = vtn.add_event(ven.ven_id, intervals=in_an_hour(1))
    changes = {"event_descriptor.priority": 3}
    assert vtn.modify_event(ven.ven_id, event_id, intervals=in_an_hour(2), changes=changes) == 1
    modified = ven.poll()
    assert [text(modified, each) for each in ("modificationNumber", "priority", "value")] == [
        "1",
        "3",
        "2",
    ]

    vtn.cancel_event(ven.ven_id, event_id)

    assert text(ven.poll(), "eventStatus") == "cancelled"
    assert [each["event_id"] for each in vtn.events(ven.ven_id)] == [event_id]
    ven.answer_event(event_id, number=2)
    assert vtn.events(ven.ven_id) == []
    sent = [(each["modification_number"], each["event_status"]) for each in vtn.seen("event_sent")]
    assert sent == [("1", "far"), ("2", "cancelled")]


def test_an_answer_with_a_wrong_number_is_refused_and_a_wrong_request_id_is_not(
    vtn: OpenleadrVTN, ven: RawVen
) -> None:
    event_id = vtn.add_event(ven.ven_id, intervals=in_an_hour(1))

    codes = [
        text(ven.answer_event(event_id, number=7), "responseCode"),
        text(ven.answer_event(event_id, request_id="never sent"), "responseCode"),
    ]

    assert codes == ["452", "200"]


def test_an_answer_to_a_completed_event_crashes_openleadr(vtn: OpenleadrVTN, ven: RawVen) -> None:
    over = in_a_row(datetime.now(timezone.utc) - timedelta(hours=1), SECOND, 1)
    event_id = vtn.add_event(ven.ven_id, intervals=over)
    assert text(ven.poll(), "eventID") == "", "openleadr empties its list before it sends it"

    ven.answer_event(event_id)

    assert ven.status == 500
    assert (
        "TypeError" in vtn.wait_for("log", predicate=lambda each: each["level"] == "ERROR")["text"]
    )


def test_two_data_points_in_one_interval_crash_openleadr_and_one_each_do_not(
    vtn: OpenleadrVTN, ven: RawVen
) -> None:
    request = text(ven.offer("p", "q"), "reportRequestID")

    ven.deliver(request, [("p", 1), ("q", 2)])
    together = ven.status
    ven.deliver(request, [("p", 1)], [("q", 2)])

    assert (together, ven.status) == (500, 200)
    assert {
        each["r_id"] for each in (vtn.wait_for("report_data", count=number) for number in (1, 2))
    } == {"p", "q"}


def test_the_killed_vtn_comes_back_with_what_it_knew(vtn: OpenleadrVTN, ven: RawVen) -> None:
    request = text(ven.offer("p"), "reportRequestID")
    event_id = vtn.add_event(ven.ven_id, intervals=in_an_hour(1))
    vtn.kill()
    with pytest.raises(requests.ConnectionError):
        ven.poll()

    vtn.restart(remember=True)

    assert text(ven.poll(), "eventID") == event_id
    place = vtn.mark()
    ven.deliver(request, [("p", 4)])
    assert vtn.wait_for("report_data", after=place)["r_id"] == "p"


def test_the_vtn_that_forgot_asks_for_a_new_registration(vtn: OpenleadrVTN, ven: RawVen) -> None:
    before = ven.registration_id

    vtn.restart(remember=False)

    assert name(ven.poll()) == "oadrRequestReregistration"
    ven.register(keep_ids=True)
    assert ven.registration_id != before
    assert name(ven.poll()) == "oadrResponse"


def test_a_refused_registration_has_code_200_and_no_ids(vtn: OpenleadrVTN) -> None:
    vtn.accept(False)
    with RawVen(vtn.url) as ven:
        answer = ven.register()

    assert [text(answer, each) for each in ("responseCode", "registrationID", "venID")] == [
        "200",
        "",
        "",
    ]
    assert vtn.wait_for("registration")["accepted"] is False


def test_known_vens_get_their_ids() -> None:
    known = {"harbour": {"ven_id": "ven-harbour", "registration_id": "reg-harbour"}}
    with OpenleadrVTN(vens=known) as vtn, RawVen(vtn.url, ven_name="harbour") as ven:
        ven.register()

        assert (ven.ven_id, ven.registration_id) == ("ven-harbour", "reg-harbour")


def test_queued_messages_come_one_a_poll(vtn: OpenleadrVTN, ven: RawVen) -> None:
    vtn.queue(ven.ven_id, "oadrCancelReport", report_request_id="rq-1", report_to_follow=True)
    vtn.queue(ven.ven_id, "oadrRequestReregistration")

    assert [name(ven.poll()) for _ in range(3)] == [
        "oadrCancelReport",
        "oadrRequestReregistration",
        "oadrResponse",
    ]


@pytest.mark.parametrize(
    "reply, status", [({"status": 503, "headers": {"Retry-After": "1"}}, 503), ({}, 200)]
)
def test_a_reply_can_be_replaced(
    vtn: OpenleadrVTN, ven: RawVen, reply: dict[str, Any], status: int
) -> None:
    vtn.queue_raw(**reply)

    assert ven.poll() is None
    assert ven.status == status
    assert name(ven.poll()) == "oadrResponse"


def test_a_reply_can_be_lost_after_the_request_was_handled(vtn: OpenleadrVTN, ven: RawVen) -> None:
    event_id = vtn.add_event(ven.ven_id, intervals=in_an_hour(1))
    vtn.cancel_event(ven.ven_id, event_id)
    vtn.queue_raw(service="EiEvent", handled=True, drop=True)

    with pytest.raises(requests.ConnectionError):
        ven.answer_event(event_id, number=1)

    assert vtn.events(ven.ven_id) == []


def test_a_paused_vtn_says_nothing_and_goes_on_afterwards(vtn: OpenleadrVTN, ven: RawVen) -> None:
    vtn.pause()
    ven.timeout = 0.2
    with pytest.raises(requests.ReadTimeout):
        ven.poll()

    vtn.resume()

    ven.timeout = 10
    assert name(ven.poll()) == "oadrResponse"


def test_one_bad_response_keeps_openleadr_from_reading_those_behind_it(
    vtn: OpenleadrVTN, ven: RawVen
) -> None:
    event_id = vtn.add_event(ven.ven_id, intervals=in_an_hour(1))
    vtn.cancel_event(ven.ven_id, event_id)

    code = text(ven.answer_events(("unknown", 0), (event_id, 1)), "responseCode")

    assert code == "452"
    assert [each["event_id"] for each in vtn.events(ven.ven_id)] == [event_id], (
        "its answer was not read"
    )


def test_what_did_not_come_is_said_with_what_came(vtn: OpenleadrVTN, ven: RawVen) -> None:
    ven.poll()
    vtn.wait_for("poll")

    with pytest.raises(PeerError, match=r"No 'event_response' \(1\).*'poll'"):
        vtn.wait_for("event_response", timeout=0)
    with pytest.raises(PeerError, match="openleadr holds no event 'none'"):
        vtn.cancel_event(ven.ven_id, "none")


def test_a_vtn_that_dies_by_itself_ends_the_waiting(vtn: OpenleadrVTN) -> None:
    assert vtn.pid is not None
    os.kill(vtn.pid, signal.SIGKILL)

    with pytest.raises(PeerError, match="ended by itself"):
        vtn.wait_for("poll", timeout=60)


def test_the_raw_log_holds_every_exchange_across_restarts(tmp_path: Path) -> None:
    log = tmp_path / "exchanges"
    with OpenleadrVTN(raw_log=log) as vtn, RawVen(vtn.url) as ven:
        ven.register()
        vtn.restart()
        ven.poll()

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(each["message"], each["status"]) for each in lines] == [
        ("create_party_registration", 200),
        ("poll", 200),
    ]
    assert ven.ven_id in lines[0]["response"]
    assert ven.ven_id in lines[1]["request"]


def test_two_vtns_run_side_by_side(vtn: OpenleadrVTN, ven: RawVen) -> None:
    with OpenleadrVTN(vtn_id="another") as other, RawVen(other.url) as guest:
        assert other.port != vtn.port
        assert text(guest.query(), "vtnID") == "another"
        assert vtn.seen("query_registration") == []


def ended(pid: int, kill: Callable[[], object]) -> bool:
    """Whether a process that need not be our child has ended soon after ``kill``; waits on the
    process itself.
    """
    if not hasattr(os, "pidfd_open"):
        pytest.skip("waiting for a process that is not a child needs pidfd_open")
    watched = os.pidfd_open(pid)
    try:
        kill()
        return bool(select.select([watched], [], [], 10)[0])
    finally:
        os.close(watched)


def test_stopping_leaves_no_process(vtn: OpenleadrVTN) -> None:
    assert vtn.pid is not None

    assert ended(vtn.pid, vtn.stop)
    vtn.stop()
    assert vtn.pid is None


def test_the_vtn_does_not_outlive_a_killed_test(tmp_path: Path) -> None:
    script = (
        "from tests.peers.openleadr_peer import OpenleadrVTN; import sys\n"
        "vtn = OpenleadrVTN().start(); print(vtn.pid, flush=True); sys.stdin.read()"
    )
    root = Path(__file__).parents[2]
    # A killed process cannot clear its folder away: pytest does, this way.
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=root,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as test:
        assert test.stdout is not None
        assert ended(int(test.stdout.readline()), test.kill)


class Credentials:
    """A CA and certificates of one key type, as files."""

    def __init__(self, folder: Path, key_type: trustme.KeyType) -> None:
        authority = trustme.CA(key_type=key_type)
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.vtn = self._issue(authority, folder / "vtn", key_type)
        self.ven = self._issue(authority, folder / "ven", key_type)

    @staticmethod
    def _issue(authority: trustme.CA, stem: Path, key_type: trustme.KeyType) -> dict[str, str]:
        issued = authority.issue_cert("127.0.0.1", key_type=key_type)
        files = {"cert": f"{stem}.crt", "key": f"{stem}.key"}
        issued.cert_chain_pems[0].write_to_path(files["cert"])
        issued.private_key_pem.write_to_path(files["key"])
        return files

    def signed(self, message: str, **payload: Any) -> str:
        """A message signed by the VEN, made by openleadr."""
        pems = {part: Path(path).read_bytes() for part, path in self.ven.items()}
        return str(messaging.create_message(message, **pems, **payload))


def encrypted(path: str) -> str:
    """A copy of a key, protected by PASSPHRASE."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(Path(path).read_bytes(), None)
    protected = Path(path + ".encrypted")
    protected.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(PASSPHRASE.encode()),
        )
    )
    return str(protected)


@pytest.mark.parametrize("key_type", list(trustme.KeyType), ids=lambda each: each.name)
def test_mutual_tls_and_signatures(tmp_path: Path, key_type: trustme.KeyType) -> None:
    files = Credentials(tmp_path, key_type)
    key = encrypted(files.vtn["key"])
    with (
        OpenleadrVTN(
            http_cert=files.vtn["cert"],
            http_key=key,
            http_key_passphrase=PASSPHRASE,
            http_ca_file=files.ca,
            cert=files.vtn["cert"],
            key=key,
            passphrase=PASSPHRASE,
            verify_message_signatures=True,
        ) as vtn,
        RawVen(vtn.url, cert=(files.ven["cert"], files.ven["key"]), verify=str(files.ca)) as ven,
    ):
        messaging.validate_xml_signature(ven.register().getroottree().getroot())
        fingerprint = utils.certificate_fingerprint(Path(files.ven["cert"]).read_text())
        assert vtn.vens()["raw-ven"]["fingerprint"] == fingerprint

        ven.poll()
        unsigned = ven.status
        message = files.signed("oadrPoll", ven_id=ven.ven_id)
        codes = [text(ven.post("OadrPoll", message), "responseCode") for _ in range(2)]
        message = files.signed("oadrPoll", ven_id=ven.ven_id)
        ven.post("OadrPoll", message.replace("</oadr:oadrPoll>", " </oadr:oadrPoll>"))

    assert unsigned == 500, "openleadr stumbles over a message without a signature"
    assert codes == ["200", "463"], "fresh, and replayed"
    assert ven.status == 403, "changed after signing"
    assert [each["signed"] for each in vtn.seen("poll")] == [False, True, True, True]


def test_a_forgotten_ven_is_refused_its_old_id_over_tls(tmp_path: Path) -> None:
    files = Credentials(tmp_path, trustme.KeyType.ECDSA)
    with (
        OpenleadrVTN(
            http_cert=files.vtn["cert"], http_key=files.vtn["key"], http_ca_file=files.ca
        ) as vtn,
        RawVen(vtn.url, cert=(files.ven["cert"], files.ven["key"]), verify=str(files.ca)) as ven,
    ):
        ven.register()
        vtn.restart(remember=False)

        answers = [ven.poll(), ven.register(keep_ids=True), ven.register(), ven.poll()]

    assert [name(each) for each in answers] == [
        "oadrRequestReregistration",
        "oadrResponse",
        "oadrCreatedPartyRegistration",
        "oadrResponse",
    ]
    assert text(answers[1], "responseCode") == "463"
