"""Rows on TLS, certificates and signatures (rules L, S). A VEN without a certificate gets a
throw-away one.
"""

from __future__ import annotations

import re
import ssl
import warnings
from datetime import datetime, timedelta, timezone

from ...oadr20b.codec import envelope
from ...oadr20b.schema.events import DistributeEvent
from ...oadr20b.security.names import C14N, SHA256
from ...oadr20b.security.signing import Signer
from ...security.credentials import Credentials
from ...testing import LocalVTN, Received, Reset, pki
from ...testing.vtn.builders import event as build_event
from ...testing.vtn.signatures import second_opinion, sign_without_protection
from ..certificates import describe_certificate
from .rows import demand, not_shown, row, skip
from .trial import Trial
from .trial_parts import credentials_of

SUITES = {"ec": "ECDHE-ECDSA-AES128-SHA256", "rsa": "AES128-SHA256"}
LEFT = timedelta(days=60)
CLOSE = 5.0
"""Seconds between the timestamp of a message and its arrival."""
AGAIN = "Sign each attempt anew: nonce and timestamp are those of the sending."


def _offer_only(trial: Trial, ciphers: str, version: ssl.TLSVersion) -> None:
    """The VTN speaks only that from now on, with new connections."""
    context = trial.vtn.tls_context
    assert context is not None
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is what is tried
        context.maximum_version = version
    context.set_ciphers(ciphers)


@row(75, "speaks a suite of the standard over TLS 1.2", "L", "CR 67, 68, §10.4", pics="C", tls=True)
def suites(trial: Trial) -> str:
    reached = []
    for kind, suite in SUITES.items():
        trial.vtn.renew_certificate(pki.identity("localvtn", kind))
        _offer_only(trial, suite, ssl.TLSVersion.TLSv1_2)
        after = trial.mark()
        if kind == "ec":
            trial.power_up()
        else:
            trial.fault("down").clear()
        trial.pass_until(lambda: trial.mark() > after, 70)  # noqa: B023
        if trial.mark() > after:
            reached.append(f"{suite} ({kind.upper()})")
    advice = "Offer one of them."
    if not trial.is_ours:
        advice += " The program finds VTN_CA_FILE, VEN_CERT and VEN_KEY in its environment."
    demand(reached, f"neither {' nor '.join(SUITES.values())} was spoken", advice)
    shown = [message.fingerprint for message in trial.vtn.received]
    demand(all(shown), "it showed no client certificate")
    return f"{' and '.join(reached)}, with a client certificate"


@row(76, "sends nothing to whom it cannot trust", "L", "CR 516, §9.2", pics="C", tls=True)
def trust(trial: Trial) -> str:
    authority = pki.authority().cert_pem
    trial.power_up(ca_file=authority)
    if not trial.pass_until(lambda: trial.mark() > 0, 70):
        skip("it says nothing to a VTN that it can trust either: see row 75")
    cases = {
        "a certificate of another authority": pki.identity("localvtn", issuer="another authority"),
        "an expired certificate": pki.expired("localvtn"),
        "a certificate for another host": pki.wrong_host("localvtn"),
        "TLS 1.1": pki.identity("localvtn"),
    }
    for what, identity in cases.items():
        trial.power_down()
        trial.vtn.renew_certificate(identity)
        if what == "TLS 1.1":
            _offer_only(trial, "ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1)
        after = trial.mark()
        trial.power_up(ca_file=authority)
        trial.pass_time(20)
        demand(
            trial.mark() == after,
            f"it talked to a VTN with {what}",
            "Check the chain, the dates and the host name; TLS 1.2 at the least.",
        )
    _try_without_tls(trial)
    return f"nothing was sent to {', '.join(cases)}, no TLS"


def _try_without_tls(trial: Trial) -> None:
    """A VTN that speaks plain HTTP where the address says https."""
    with LocalVTN(letter=True, clock=trial.clock) as plain:
        trial.power_down()
        trial.power_up(vtn_url=plain.url.replace("http:", "https:"), timeout=1)
        trial.pass_time(2 if trial.is_ours else 10)  # handshakes that nobody answers
        demand(not plain.received, "it talked to a VTN without TLS", "Send nothing without TLS.")


@row(77, "has a good certificate", "L", "CR 68, §10.1, §10.4, §10.5.1", pics="C")
def own_certificate(trial: Trial) -> str:
    trial.need_ours()
    trial.power_up()
    given = trial.own_arguments
    if given.get("cert") is None:
        skip("the VEN has no certificate of its own (cert=)")
    own = credentials_of(given)
    facts = describe_certificate(own.certificate)
    key = own.certificate.public_key()
    size = int(getattr(key, "key_size", 0))
    is_rsa = type(key).__name__.startswith("RSA")
    demand(
        size >= (2048 if is_rsa else 224),
        f"the key has {size} bits ({'RSA' if is_rsa else 'EC'})",
        "RSA 2048, or EC 224 (better 256) at the least.",
    )
    left = facts.ends - datetime.now(timezone.utc)
    demand(left > LEFT, f"the certificate ends in {left.days} days", "Renew it before.")
    demand(
        re.fullmatch("([0-9A-F]{2}:){9}[0-9A-F]{2}", own.fingerprint),
        f"the fingerprint is shown as {own.fingerprint!r}",
        "Ten bytes with colons between them: 29 characters.",
    )
    note = "; note: EC below 256 bits" if not is_rsa and size < 256 else ""
    return f"{size} bits, {left.days} days left, fingerprint {own.fingerprint}{note}"


@row(78, "believes only what is signed by its VTN", "S", "CR 514", pics="C", tls=True, sign=True)
def signed_lists(trial: Trial) -> str:
    trial.need_ours()
    trial.begin(vtn_fingerprint=trial.vtn.fingerprint)
    _need_high(trial)
    other = pki.identity("somebody else")
    forger = Signer(Credentials.load(other.cert_pem, other.key_pem))
    genuine = trial.vtn.message(_list(trial, "signed"))
    trial.vtn.queue(genuine)
    trial.answer("signed")
    forged = {
        "unsigned": envelope.message(_list(trial, "unsigned")),
        "tampered": trial.vtn.message(_list(trial, "harmless")).replace(b"harmless", b"tampered"),
        "forged": forger.sign(envelope.wrap(_list(trial, "forged")), trial.now()),
        "stale": _signed_at(trial, "stale", trial.now() - timedelta(hours=1)),
        "unprotected": sign_without_protection(_own(), _list(trial, "unprotected")),
    }
    for name, message in forged.items():
        trial.vtn.queue(message)
        trial.await_polls(2)
        held = [event.event_id for event in trial.client.events] if trial.is_ours else []
        demand(
            not trial.answers(name) and name not in held,
            f"it acted on a list that was {name}",
            "Act only on what vtn_fingerprint's key has signed a moment ago.",
        )
    return f"acted on the signed list; not on those that were {', '.join(forged)}"


def _need_high(trial: Trial) -> None:
    """Go on only with a VEN of high security. Raises ``Skip``."""
    high = trial.run.high
    if not (trial.own_arguments.get("vtn_fingerprint") is not None if high is None else high):
        skip("the VEN has standard security (--security high, or vtn_fingerprint=)")


def _own() -> Credentials:
    identity = pki.identity("localvtn")
    return Credentials.load(identity.cert_pem, identity.key_pem)


def _list(trial: Trial, event_id: str) -> DistributeEvent:
    event = build_event(
        trial.now(), event_id=event_id, dtstart=3600, market_context=trial.context, targets=[]
    )
    return DistributeEvent(request_id=f"list-{event_id}", vtn_id=trial.vtn.vtn_id, events=(event,))


def _signed_at(trial: Trial, event_id: str, moment: datetime) -> bytes:
    return Signer(_own()).sign(envelope.wrap(_list(trial, event_id)), moment)


@row(79, "signs every message as the letter has it", "S", "CR 514, §10.6", tls=True, sign=True)
def signatures(trial: Trial) -> str:
    trial.need_ours()
    trial.begin(vtn_fingerprint=trial.vtn.fingerprint)
    _need_high(trial)
    trial.fault(Reset(message="oadrPoll", times=1))
    trial.await_polls(5)
    second = second_opinion()
    nonces: list[bytes] = []
    for message in trial.vtn.received:
        if message.error is not None:
            not_shown(f"{message.kind}: {message.error}")
        nonces.append(_check_form(message))
        demand(nonces[-1] not in nonces[:-1], f"{message.kind} has the nonce of another", AGAIN)
        if second is not None:
            demand(second(message.raw), f"{message.kind}: xmlsec does not take its signature")
    said = "by xmlsec too" if second is not None else "xmlsec is not installed"
    return f"{len(nonces)} messages: SHA-256, C14N, two references, each a nonce and time; {said}"


def _check_form(message: Received) -> bytes:
    """The nonce of a message whose signature has the form of the letter. Raises ``NotShown``."""
    raw, kind = message.raw, message.kind
    demand(raw.count(b"Reference ") == 2, f"{kind} has no two references")
    demand(raw.count(SHA256.encode()) == 2, f"{kind}: its digests are not SHA-256")
    methods = re.findall(rb'(?:CanonicalizationMethod|Transform) Algorithm="([^"]+)"', raw)
    demand(
        methods and set(methods) <= {C14N.encode()},
        f"{kind} is in the canonical form {b', '.join(methods).decode()}",
        f"Use {C14N}.",
    )
    nonce, stamp = re.search(rb"nonce>([^<]+)<", raw), re.search(rb"timestamp>([^<]+)<", raw)
    if nonce is None or stamp is None:
        not_shown(f"{kind} has no ReplayProtect with a timestamp and a nonce")
    sent = datetime.fromisoformat(stamp[1].decode().replace("Z", "+00:00"))
    off = abs((message.at - sent).total_seconds())
    demand(off <= CLOSE, f"{kind} was sent {off:.0f} s away from its timestamp", AGAIN)
    return nonce[1]
