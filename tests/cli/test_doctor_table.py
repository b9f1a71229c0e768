"""``doctor`` against set-ups that are broken in one place each: its first diagnosis has to name
that place.
"""

from __future__ import annotations

import json
import ssl
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest

from ven_sdk.cli import main
from ven_sdk.runtime.clock import Clock
from ven_sdk.testing import LocalVTN, pki
from ven_sdk.testing.vtn.http import Server
from ven_sdk.testing.vtn.reply import Reply

OTHER = "another authority"


class Slow(Clock):
    """A clock that is ten minutes behind."""

    def now(self) -> Any:
        return super().now() - timedelta(minutes=10)

    def time(self) -> float:
        return super().time() - 600


class Site:
    """Broken set-ups, each made where it is asked for, and closed at the end."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack

    def vtn(self, **options: Any) -> LocalVTN:
        return self.stack.enter_context(LocalVTN(**{"tls": True, **options}))

    def words(
        self, vtn: LocalVTN, *more: str, cert: bool = True, ca: str = "", path: str = ""
    ) -> list[str]:
        own = vtn.client_cert("doctor's patient")
        files = ["--cert", own.cert, "--key", own.key] if cert else []
        return [
            f"https://127.0.0.1:{vtn.port}{path}",
            "--ca-file",
            ca or vtn.ca_file,
            *files,
            *more,
        ]

    def write(self, identity: pki.Identity, stem: str) -> "tuple[str, str]":
        return identity.write(self.folder, stem)

    def ca_of(self, name: str) -> str:
        path = self.folder / "other-ca.pem"
        path.write_bytes(pki.authority(name).cert_pem)
        return str(path)

    def server(self, reply: Reply, context: Any = None) -> int:
        server = Server(lambda request: reply)
        server.context = context
        server.open()
        self.stack.callback(server.close)
        return server.port


def wrong_host(site: Site) -> list[str]:
    return ["https://vtn.does-not-exist.invalid"]


def closed_port(site: Site) -> list[str]:
    vtn = site.vtn()
    words = site.words(vtn)
    vtn.kill()
    return words


def wrong_ca(site: Site) -> list[str]:
    return site.words(site.vtn(), ca=site.ca_of(OTHER))


def expired(site: Site) -> list[str]:
    return site.words(site.vtn(identity=pki.expired()))


def wrong_host_name(site: Site) -> list[str]:
    return site.words(site.vtn(identity=pki.wrong_host()))


def no_client_certificate(site: Site) -> list[str]:
    return site.words(site.vtn(), cert=False)


def wrong_client_certificate(site: Site) -> list[str]:
    cert, key = site.write(pki.identity("stranger", issuer=OTHER), "stranger")
    return site.words(site.vtn(), "--cert", cert, "--key", key, cert=False)


def key_not_matching(site: Site) -> list[str]:
    cert, _ = site.write(pki.identity("one"), "one")
    _, key = site.write(pki.identity("two"), "two")
    return site.words(site.vtn(), "--cert", cert, "--key", key, cert=False)


def clock_off(site: Site) -> list[str]:
    return site.words(site.vtn(clock=Slow()))


def not_a_vtn(site: Site) -> list[str]:
    port = site.server(
        Reply(
            body=b"<!doctype html><html><body>It works!</body></html>",
            headers={"Content-Type": "text/html"},
        )
    )
    return [f"http://127.0.0.1:{port}"]


def unknown_ven(site: Site) -> list[str]:
    return site.words(site.vtn(accept="known"), "--ven-name", "nobody-knows-me", "--register")


def wrong_path(site: Site) -> list[str]:
    return site.words(site.vtn(), path="/openadr")


class Case(NamedTuple):
    broken: Callable[[Site], list[str]]
    step: str
    says: str


TWELVE = [
    Case(wrong_host, "name", "'vtn.does-not-exist.invalid' cannot be resolved"),
    Case(closed_port, "port", "Connection refused"),
    Case(wrong_ca, "chain", "not issued by a CA that is trusted here"),
    Case(expired, "chain", "has expired"),
    Case(wrong_host_name, "host name", "elsewhere.invalid"),
    Case(no_client_certificate, "client certificate", "--cert FILE --key FILE"),
    Case(
        wrong_client_certificate,
        "client certificate",
        "does not know the CA that issued the client certificate",
    ),
    Case(key_not_matching, "own files", "does not belong to the certificate"),
    Case(clock_off, "clock", "ahead of the VTN's"),
    Case(not_a_vtn, "message", "is no VTN"),
    Case(unknown_ven, "registration", "does not know this VEN"),
    Case(wrong_path, "HTTP", "check the path"),
]


def http_instead_of_tls(site: Site) -> list[str]:
    return [f"https://127.0.0.1:{site.vtn(tls=False).port}"]


def tls_instead_of_http(site: Site) -> list[str]:
    return [f"http://127.0.0.1:{site.vtn().port}"]


def no_post(site: Site) -> list[str]:
    return [f"http://127.0.0.1:{site.server(Reply(status=501))}"]


def old_tls(site: Site) -> list[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # what nobody should speak any more is the point here
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(*site.write(pki.identity("old"), "old"))
    return [f"https://127.0.0.1:{site.server(Reply(), context)}"]


def no_client_certificate_by_tls_1_2(site: Site) -> list[str]:
    vtn = site.vtn()
    assert vtn._server.context is not None
    vtn._server.context.maximum_version = ssl.TLSVersion.TLSv1_2
    return site.words(vtn, cert=False)


def wrong_tls_fingerprint(site: Site) -> list[str]:
    return site.words(site.vtn(), "--tls-fingerprint", "00:" * 9 + "00")


def wrong_vtn_fingerprint(site: Site) -> list[str]:
    return site.words(site.vtn(sign=True), "--vtn-fingerprint", "00:" * 9 + "00")


def unknown_ven_id(site: Site) -> list[str]:
    return site.words(site.vtn(), "--ven-id", "ven-4711")


def own_certificate_expired(site: Site) -> list[str]:
    cert, key = site.write(pki.expired("tired"), "tired")
    return site.words(site.vtn(), "--cert", cert, "--key", key, cert=False)


def bad_url(site: Site) -> list[str]:
    return ["vtn.example.com:8080"]


def other_breaks() -> list[Case]:
    return [
        Case(http_instead_of_tls, "TLS", "may not speak TLS"),
        Case(tls_instead_of_http, "HTTP", ""),
        Case(no_post, "HTTP", "it is no VTN"),
        Case(old_tls, "TLS", ""),
        Case(no_client_certificate_by_tls_1_2, "client certificate", "--cert FILE --key FILE"),
        Case(wrong_tls_fingerprint, "fingerprints", "tls_fingerprint"),
        Case(wrong_vtn_fingerprint, "signature", "fingerprint"),
        Case(unknown_ven_id, "registration", "ven-4711"),
        Case(own_certificate_expired, "own files", "expired on"),
        Case(bad_url, "address", "must look like"),
    ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def diagnosis(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code = main(["doctor", *words, "--json", "--timeout", "5"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == (0 if found["ok"] else 1)
    return found


@pytest.mark.parametrize("case", [*TWELVE, *other_breaks()], ids=lambda case: case.broken.__name__)
def test_the_first_diagnosis_names_what_is_broken(
    case: Case, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    found = diagnosis(case.broken(site), capsys)

    assert (found["first_wrong"], case.says in f"{found['text']} {found['advice']}") == (
        case.step,
        True,
    ), found


@pytest.mark.parametrize("case", TWELVE, ids=lambda case: case.broken.__name__)
def test_steps_before_the_broken_one_are_fine_and_those_behind_it_are_not_judged(
    case: Case, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = diagnosis(case.broken(site), capsys)["steps"]

    place = [step["step"] for step in steps].index(case.step)
    assert {step["state"] for step in steps[:place]} <= {"ok", "note"}
    assert [step["state"] for step in steps[place:]] == ["failed"] + ["not reached"] * (
        len(steps) - place - 1
    )


def test_there_are_twelve() -> None:
    assert len({case.broken for case in TWELVE}) == 12


def test_a_way_without_fault_is_walked_to_its_end(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    vtn = site.vtn(sign=True)

    found = diagnosis(
        site.words(vtn, "--vtn-fingerprint", vtn.fingerprint, "--tls-fingerprint", vtn.fingerprint),
        capsys,
    )

    assert found["ok"], found
    assert [step["step"] for step in found["steps"]] == [
        "address",
        "own files",
        "name",
        "port",
        "TLS",
        "chain",
        "host name",
        "client certificate",
        "fingerprints",
        "clock",
        "HTTP",
        "message",
        "signature",
        "registration",
    ]


def test_the_facts_hold_both_fingerprints_and_the_chain(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    vtn = site.vtn()

    steps = {step["step"]: step for step in diagnosis(site.words(vtn), capsys)["steps"]}

    assert steps["fingerprints"]["facts"] == {
        "ven": vtn.client_cert("doctor's patient").fingerprint,
        "vtn_tls": vtn.fingerprint,
    }
    assert steps["chain"]["facts"]["chain"][0]["subject"] == "CN=localvtn"
    assert steps["TLS"]["facts"]["version"] == "TLSv1.3"


def test_looking_changes_nothing_on_the_vtn(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    vtn = site.vtn()

    diagnosis(site.words(vtn), capsys)

    assert vtn.vens == {}


def test_register_really_registers(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    vtn = site.vtn()

    found = diagnosis(site.words(vtn, "--ven-name", "new-one", "--register"), capsys)

    assert found["ok"]
    assert vtn.ven("new-one").registered


def test_a_known_ven_id_is_confirmed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    vtn = site.vtn(tls=False)
    ven_id = vtn.add_ven("known", registered=True)

    found = diagnosis([vtn.url, "--ven-id", ven_id], capsys)

    assert found["ok"]
    assert ven_id in found["steps"][-1]["text"]


def test_people_read_the_first_fault_and_the_way_out_at_the_end(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["doctor", *wrong_ca(site)])

    out = capsys.readouterr().out
    assert code == 1
    assert "✗ chain" in out
    assert out.split("The first thing that is wrong: chain.")[1].count("--ca-file FILE") == 1
    assert "not looked at: host name, client certificate" in out
