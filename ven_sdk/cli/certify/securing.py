"""Rows on TLS, certificates and signatures (rules L, S). The VEN gets a throw-away certificate."""

from __future__ import annotations

import re
import ssl
import warnings
from datetime import datetime, timedelta, timezone

from ...oadr20b.codec import envelope
from ...oadr20b.security.signing import Signer
from ...schema.events import DistributeEvent
from ...security.credentials import Credentials
from ...testing import pki
from ...testing.vtn.builders import event as build_event
from ..certificates import describe_certificate
from .rows import demand, not_shown, row, skip
from .stage import Stage

SUITES = {"ec": "ECDHE-ECDSA-AES128-SHA256", "rsa": "AES128-SHA256"}
LEFT = timedelta(days=60)
SHA256 = b"http://www.w3.org/2001/04/xmlenc#sha256"


def _offer_only(stage: Stage, ciphers: str, version: ssl.TLSVersion) -> None:
    """The VTN speaks only that from now on, with new connections."""
    context = stage.vtn.tls_context
    assert context is not None
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.1 is what is tried
        context.maximum_version = version
    context.set_ciphers(ciphers)


@row(75, "speaks a suite of the standard over TLS 1.2", "L", "CR 67, 68, §10.4", pics="C", tls=True)
def suites(stage: Stage) -> str:
    reached = []
    for kind, suite in SUITES.items():
        stage.vtn.renew_certificate(pki.identity("localvtn", kind))
        _offer_only(stage, suite, ssl.TLSVersion.TLSv1_2)
        after = stage.mark()
        if kind == "ec":
            stage.power_up()
        else:
            stage.fault("down").clear()
        stage.pass_until(lambda: stage.mark() > after, 70)  # noqa: B023
        if stage.mark() > after:
            reached.append(f"{suite} ({kind.upper()})")
    demand(reached, f"neither {' nor '.join(SUITES.values())} was spoken", "Offer one of them.")
    shown = [message.fingerprint for message in stage.vtn.received]
    demand(all(shown), "it showed no client certificate")
    return f"{' and '.join(reached)}, with a client certificate"


@row(76, "sends nothing to whom it cannot trust", "L", "CR 516, §9.2", pics="C", tls=True)
def trust(stage: Stage) -> str:
    authority = pki.authority().cert_pem
    cases = {
        "a certificate of another authority": pki.identity("localvtn", issuer="another authority"),
        "an expired certificate": pki.expired("localvtn"),
        "a certificate for another host": pki.wrong_host("localvtn"),
        "TLS 1.1": pki.identity("localvtn"),
    }
    for number, (what, identity) in enumerate(cases.items()):
        stage.vtn.renew_certificate(identity)
        if what == "TLS 1.1":
            _offer_only(stage, "ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1)
        after = stage.mark()
        if number == 0:
            stage.power_up(ca_file=authority)
        stage.pass_time(20)
        demand(
            stage.mark() == after,
            f"it talked to a VTN with {what}",
            "Check the chain, the dates and the host name; TLS 1.2 at the least.",
        )
    return f"nothing was sent to {', '.join(cases)}"


@row(77, "has a good certificate", "L", "CR 68, §10.1, §10.4, §10.5.1", pics="C")
def own_certificate(stage: Stage) -> str:
    stage.need_ours()
    stage.power_up()
    given = stage.own_arguments
    if given.get("cert") is None:
        skip("the VEN has no certificate of its own (cert=)")
    own = Credentials.load(given["cert"], given.get("key"), given.get("passphrase"))
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
    note = "; note: EC below 256 bits" if not is_rsa and size < 256 else ""
    return f"{size} bits, {left.days} days left, fingerprint {own.fingerprint}{note}"


@row(78, "believes only what is signed by its VTN", "S", "CR 514", pics="C", tls=True, sign=True)
def signed_lists(stage: Stage) -> str:
    _need_high(stage)
    stage.begin(vtn_fingerprint=stage.vtn.fingerprint)
    other = pki.identity("somebody else")
    forger = Signer(Credentials.load(other.cert_pem, other.key_pem))
    genuine = stage.vtn.message(_list(stage, "signed"))
    stage.vtn.queue(genuine)
    stage.answer("signed")
    forged = {
        "unsigned": envelope.message(_list(stage, "unsigned")),
        "tampered": stage.vtn.message(_list(stage, "harmless")).replace(b"harmless", b"tampered"),
        "forged": forger.sign(envelope.wrap(_list(stage, "forged")), stage.now()),
        "stale": _signed_at(stage, "stale", stage.now() - timedelta(hours=1)),
    }
    for name, message in forged.items():
        stage.vtn.queue(message)
        stage.polls(2)
        held = [event.event_id for event in stage.client.events] if stage.is_ours else []
        demand(
            not stage.answers(name) and name not in held,
            f"it acted on a list that was {name}",
            "Act only on what vtn_fingerprint's key has signed a moment ago.",
        )
    return f"acted on the signed list; not on those that were {', '.join(forged)}"


def _need_high(stage: Stage) -> None:
    if not stage.run.high:
        skip("high security was not asked for (--high)")
    stage.need_ours()


def _list(stage: Stage, event_id: str) -> DistributeEvent:
    event = build_event(
        stage.now(), event_id=event_id, dtstart=3600, market_context=stage.context, targets=[]
    )
    return DistributeEvent(request_id=f"list-{event_id}", vtn_id=stage.vtn.vtn_id, events=(event,))


def _signed_at(stage: Stage, event_id: str, moment: datetime) -> bytes:
    identity = pki.identity("localvtn")
    signer = Signer(Credentials.load(identity.cert_pem, identity.key_pem))
    return signer.sign(envelope.wrap(_list(stage, event_id)), moment)


@row(79, "signs every message as the letter has it", "S", "CR 514, §10.6", tls=True, sign=True)
def signatures(stage: Stage) -> str:
    _need_high(stage)
    stage.begin(vtn_fingerprint=stage.vtn.fingerprint)
    stage.polls(5)
    nonces: list[bytes] = []
    for message in stage.vtn.received:
        if message.error is not None:
            not_shown(f"{message.kind}: {message.error}")
        raw = message.raw
        demand(raw.count(b"Reference ") == 2, f"{message.kind} has no two references")
        demand(raw.count(SHA256) == 2, f"{message.kind}: its digests are not SHA-256")
        found = re.findall(rb"nonce>([^<]+)<", raw)
        demand(found and found[0] not in nonces, f"{message.kind} has the nonce of another")
        nonces += found
    return f"{len(nonces)} messages: SHA-256, two references, a nonce of its own each"
