"""``doctor`` against set-ups that are broken in one place each: its first diagnosis has to name
that place.
"""

from __future__ import annotations

import json
import re
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


# --- what answers in the place of a VTN -----------------------------------------------------------


def page(site: Site, status: int, body: bytes, **headers: str) -> list[str]:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return [f"http://127.0.0.1:{site.server(Reply(status=status, body=body, headers=shown))}"]


def nginx_wants_https(site: Site) -> list[str]:
    return page(site, 400, b"<h1>400</h1>The plain HTTP request was sent to HTTPS port")


def apache_wants_https(site: Site) -> list[str]:
    return page(
        site, 400, b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"
    )


def go_wants_https(site: Site) -> list[str]:
    return page(site, 400, b"Client sent an HTTP request to an HTTPS server.\n")


def nginx_wants_a_certificate(site: Site) -> list[str]:
    return page(site, 400, b"<center>No required SSL certificate was sent</center>")


def nginx_refuses_the_certificate(site: Site) -> list[str]:
    return page(site, 400, b"<center>The SSL certificate error</center>")


def basic_challenge(site: Site) -> list[str]:
    return page(site, 401, b"", WWW_Authenticate='Basic realm="Restricted"')


def bearer_challenge(site: Site) -> list[str]:
    return page(site, 401, b"", WWW_Authenticate='Bearer realm="openadr"')


def openadr_3(site: Site) -> list[str]:
    return page(
        site,
        404,
        b'{"type": "about:blank", "title": "Not Found", "status": 404}',
        Content_Type="application/problem+json",
    )


def openadr_3_with_200(site: Site) -> list[str]:
    return page(site, 200, b'[{"objectType": "PROGRAM"}]', Content_Type="application/json")


def openadr_2a(site: Site) -> list[str]:
    return page(site, 200, b'<oadrResponse xmlns="http://openadr.org/oadr-2.0a/2012/07"/>')


def soap(site: Site) -> list[str]:
    return page(
        site, 500, b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"></e:Envelope>'
    )


def log_in_page(site: Site) -> list[str]:
    return page(site, 200, b'<html><form><input type="password"></form></html>')


def redirect_to_https(site: Site) -> list[str]:
    return page(site, 301, b"", Location="https://vtn.example.com/OpenADR2/Simple/2.0b")


def server_that_is_down(site: Site) -> list[str]:
    return page(site, 503, b"", Retry_After="60")


def empty_answer(site: Site) -> list[str]:
    return page(site, 200, b"")


def trailing_slash(site: Site) -> list[str]:
    vtn = site.vtn(tls=False)
    for service in ("EiRegisterParty",):
        vtn.routes[f"/slash/{service}/"] = lambda request: Reply(body=b"<ok/>")
        vtn.routes[f"/slash/{service}"] = lambda request: Reply(status=404)
    return [f"http://127.0.0.1:{vtn.port}/slash"]


def only_a_slash_is_no_500(site: Site) -> list[str]:
    vtn = site.vtn(tls=False)
    vtn.routes["/slash/EiRegisterParty/"] = lambda request: Reply(body=b"<ok/>")
    vtn.routes["/slash/EiRegisterParty"] = lambda request: Reply(status=500)
    return [f"http://127.0.0.1:{vtn.port}/slash"]


def redirect_to_a_slash(site: Site) -> list[str]:
    vtn = site.vtn(tls=False)
    place = f"http://127.0.0.1:{vtn.port}/slash/EiRegisterParty"
    vtn.routes["/slash/EiRegisterParty"] = lambda request: Reply(
        status=308, headers={"Location": f"{place}/"}
    )
    return [f"http://127.0.0.1:{vtn.port}/slash"]


def redirect_to_itself(site: Site) -> list[str]:
    vtn = site.vtn(tls=False)
    place = f"http://127.0.0.1:{vtn.port}/round/EiRegisterParty"
    vtn.routes["/round/EiRegisterParty"] = lambda request: Reply(
        status=301, headers={"Location": place}
    )
    return [f"http://127.0.0.1:{vtn.port}/round"]


def url_with_a_service(site: Site) -> list[str]:
    return [f"{site.vtn(tls=False).url}/EiEvent"]


def url_with_a_service_and_a_slash(site: Site) -> list[str]:
    return [f"{site.vtn(tls=False).url}/OadrPoll/"]


def url_with_a_query(site: Site) -> list[str]:
    return ["https://vtn.example.com/OpenADR2?ven=1"]


def url_with_a_password(site: Site) -> list[str]:
    return ["https://joe:secret@vtn.example.com/"]


# --- files ----------------------------------------------------------------------------------------


def with_file(site: Site, data: bytes) -> list[str]:
    """The doctor's words with ``data`` in the place of the certificate file."""
    _, key = site.write(pki.identity("files"), "files")
    path = site.folder / "given.pem"
    path.write_bytes(data)
    return ["https://127.0.0.1:1", "--cert", str(path), "--key", key]


def csr(site: Site) -> list[str]:
    text = b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
    return with_file(site, text)


def utf_16(site: Site) -> list[str]:
    return with_file(site, pki.identity("files").cert_pem.decode().encode("utf-16"))


def empty_file(site: Site) -> list[str]:
    return with_file(site, b"")


def pkcs7(site: Site) -> list[str]:
    return with_file(site, b"-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n")


def web_page_as_certificate(site: Site) -> list[str]:
    return with_file(site, b"<!DOCTYPE html><html>Log in</html>")


def public_key_as_certificate(site: Site) -> list[str]:
    return with_file(site, b"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n")


def swapped_files(site: Site) -> list[str]:
    cert, key = site.write(pki.identity("files"), "files")
    return ["https://127.0.0.1:1", "--cert", key, "--key", cert]


def certificate_without_key(site: Site) -> list[str]:
    cert, _ = site.write(pki.identity("files"), "files")
    return ["https://127.0.0.1:1", "--cert", cert]


def key_without_certificate(site: Site) -> list[str]:
    _, key = site.write(pki.identity("files"), "files")
    return ["https://127.0.0.1:1", "--key", key]


def encrypted_key(site: Site) -> list[str]:
    cert, key = pki.identity("files").write(site.folder, "files", "secret")
    return ["https://127.0.0.1:1", "--cert", cert, "--key", key]


def wrong_passphrase(site: Site) -> list[str]:
    return [*encrypted_key(site), "--passphrase", "wrong"]


def missing_file(site: Site) -> list[str]:
    return ["https://127.0.0.1:1", "--cert", str(site.folder / "nowhere.pem")]


def ca_file_without_certificate(site: Site) -> list[str]:
    path = site.folder / "ca.pem"
    path.write_text("hello")
    return ["https://127.0.0.1:1", "--ca-file", str(path)]


# --- trust, time, addresses -----------------------------------------------------------------------


def intermediate_not_sent(site: Site) -> list[str]:
    leaf = pki.identity("vtn", issuer="intermediate of the utility")
    cert, key = site.folder / "leaf.pem", site.folder / "leaf.key"
    cert.write_bytes(leaf.cert_pem)
    key.write_bytes(leaf.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    root = site.ca_of("root of the utility")
    return [f"https://127.0.0.1:{site.server(Reply(), context)}", "--ca-file", root]


class YearBehind(Clock):
    """A clock that is some years behind."""

    def now(self) -> Any:
        return super().now() - timedelta(days=1000)

    def time(self) -> float:
        return super().time() - 1000 * 86400


def clock_off_by_years(site: Site) -> list[str]:
    identity = pki.identity("then", begin_days=-1010, end_days=-990)
    return site.words(
        site.vtn(identity=identity, clock=YearBehind(), client_certificates=False), cert=False
    )


def own_files_by_a_wrong_clock(site: Site) -> list[str]:
    cert, key = site.write(pki.identity("then", begin_days=-1010, end_days=-990), "then")
    vtn = site.vtn(clock=YearBehind(), client_certificates=False)
    return site.words(vtn, "--cert", cert, "--key", key, cert=False)


def no_ipv6_here(site: Site) -> list[str]:
    return ["http://[2001:db8::1]:8080"]


def pre_provisioned_unknown(site: Site) -> list[str]:
    vtn = site.vtn(tls=False)
    vtn.add_ven("known", ven_id="ven-known", registered=True)
    return [vtn.url, "--ven-id", "ven-other"]


def pre_provisioned_without_asking(site: Site) -> list[str]:
    vtn = site.vtn(tls=False)
    vtn.fault("404", service="EiRegisterParty")
    return [vtn.url]


def other_breaks() -> list[Case]:
    return [
        Case(http_instead_of_tls, "TLS", "does not speak TLS but plain HTTP"),
        Case(tls_instead_of_http, "HTTP", "This port speaks TLS"),
        Case(no_post, "HTTP", "it is no VTN"),
        Case(old_tls, "TLS", "does not speak TLS 1.2 or later"),
        Case(no_client_certificate_by_tls_1_2, "client certificate", "--cert FILE --key FILE"),
        Case(wrong_tls_fingerprint, "fingerprints", "tls_fingerprint"),
        Case(wrong_vtn_fingerprint, "signature", "fingerprint"),
        Case(unknown_ven_id, "registration", "ven-4711"),
        Case(own_certificate_expired, "own files", "expired on"),
        Case(bad_url, "address", "must look like"),
        Case(nginx_wants_https, "HTTP", "Use https:// in URL"),
        Case(apache_wants_https, "HTTP", "Use https:// in URL"),
        Case(go_wants_https, "HTTP", "Use https:// in URL"),
        Case(nginx_wants_a_certificate, "HTTP", "--cert FILE --key FILE"),
        Case(nginx_refuses_the_certificate, "HTTP", "refuses the client certificate"),
        Case(basic_challenge, "HTTP", "wants a user name and a password"),
        Case(bearer_challenge, "HTTP", "wants an OAuth2 token"),
        Case(openadr_3, "HTTP", "speaks JSON: an OpenADR 3 VTN"),
        Case(openadr_3_with_200, "message", "speaks JSON: a web API, perhaps OpenADR 3"),
        Case(openadr_2a, "message", "speaks OpenADR 2.0a"),
        Case(soap, "HTTP", "speaks SOAP"),
        Case(log_in_page, "message", "a log-in page"),
        Case(redirect_to_https, "HTTP", "Use https:// in URL"),
        Case(server_that_is_down, "HTTP", "overloaded or down for maintenance"),
        Case(empty_answer, "message", "The answer is empty"),
        Case(trailing_slash, "HTTP", "wants a slash at the end"),
        Case(only_a_slash_is_no_500, "HTTP", "wants a slash at the end"),
        Case(redirect_to_a_slash, "HTTP", "wants a slash at the end"),
        Case(redirect_to_itself, "HTTP", "redirects to the very address"),
        Case(url_with_a_service, "address", "the name of a service"),
        Case(url_with_a_service_and_a_slash, "address", "the name of a service"),
        Case(url_with_a_query, "address", "must not have a query"),
        Case(url_with_a_password, "address", "must not hold a user name or password"),
        Case(csr, "own files", "holds a certificate request (CSR)"),
        Case(utf_16, "own files", "is UTF-16 text"),
        Case(empty_file, "own files", "is empty"),
        Case(pkcs7, "own files", "is PKCS#7"),
        Case(web_page_as_certificate, "own files", "is a web page"),
        Case(public_key_as_certificate, "own files", "holds a public key"),
        Case(swapped_files, "own files", "Are cert and key swapped"),
        Case(certificate_without_key, "own files", "holds no private key"),
        Case(key_without_certificate, "own files", "key was given without cert"),
        Case(encrypted_key, "own files", "is encrypted: give its passphrase"),
        Case(wrong_passphrase, "own files", "the passphrase is wrong"),
        Case(missing_file, "own files", "cannot be read: No such file"),
        Case(ca_file_without_certificate, "own files", "it holds no certificate (expected PEM)"),
        Case(intermediate_not_sent, "chain", "its operator must install the full chain"),
        Case(clock_off_by_years, "clock", "This machine's clock is"),
        Case(own_files_by_a_wrong_clock, "clock", "This machine's clock is"),
        Case(no_ipv6_here, "port", "has IPv6 addresses only"),
        Case(pre_provisioned_unknown, "registration", "does not know this VEN"),
        Case(pre_provisioned_without_asking, "HTTP", "--ven-id ID"),
    ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def diagnosis(
    words: list[str], capsys: pytest.CaptureFixture[str], timeout: str = "5"
) -> dict[str, Any]:
    code = main(["doctor", *words, "--json", "--timeout", timeout])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == (0 if found["ok"] else 1)
    return found


def told(found: dict[str, Any]) -> str:
    """What is wrong and what to do, which names an option, or whom to ask."""
    return f"{found['text']} {found['advice']}"


@pytest.mark.parametrize("case", [*TWELVE, *other_breaks()], ids=lambda case: case.broken.__name__)
def test_the_first_diagnosis_names_what_is_broken(
    case: Case, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    found = diagnosis(case.broken(site), capsys)

    assert (found["first_wrong"], case.says in f"{found['text']} {found['advice']}") == (
        case.step,
        True,
    ), found
    assert re.search(r"--[a-z]|URL|vtn_url|operator|Compare", told(found)), told(found)


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


def test_there_are_more_than_sixty() -> None:
    assert len({case.broken for case in [*TWELVE, *other_breaks()]}) > 60


@pytest.mark.parametrize("case", [*TWELVE, *other_breaks()], ids=lambda case: case.broken.__name__)
def test_what_a_person_would_search_for_is_in_the_documentation(case: Case) -> None:
    page = Path(__file__).parents[2] / "docs" / "troubleshooting.rst"

    assert case.says in " ".join(page.read_text(encoding="utf-8").split())


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


def test_a_ven_that_is_known_beforehand_polls_and_is_not_asked_to_register(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    vtn = site.vtn(tls=False)
    vtn.add_ven("known", ven_id="ven-known", registered=True)
    vtn.fault("404", service="EiRegisterParty")

    found = diagnosis([vtn.url, "--ven-id", "ven-known"], capsys)

    assert found["ok"], found
    assert set(vtn.counts) == {"oadrRequestEvent", "oadrPoll"}


def test_a_certificate_that_ends_within_sixty_days_is_named_with_its_date(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    short = pki.identity("short", end_days=45)
    ends = short.certificate.not_valid_after_utc
    cert, key = site.write(short, "short")
    vtn = site.vtn(identity=short)

    steps = {
        step["step"]: step
        for step in diagnosis(site.words(vtn, "--cert", cert, "--key", key, cert=False), capsys)[
            "steps"
        ]
    }

    for name in ("own files", "chain"):
        assert steps[name]["state"] == "note"
        assert any(f"{ends:%Y-%m-%d}" in detail for detail in steps[name]["details"])


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
