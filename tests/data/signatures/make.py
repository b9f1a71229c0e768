"""Makes the signed messages of this folder again: ``python make.py FOLDER`` signs with a new key.

Needs xmlsec (``pip install xmlsec cryptography``, in an environment of its own: its lxml may be
another) and, for the JDK's, ``java`` of a JDK 11 or newer. What is not there is left out and named.
``python make.py --compare FOLDER`` holds the recorded messages against those in FOLDER: they may
differ in what depends on the key (signature values, certificates) and in nothing else. To record
anew, copy FOLDER's ``*.xml`` and ``vtn.der`` here.
"""

from __future__ import annotations

import argparse
import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
C14N = {
    "inclusive": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "inclusive11": "http://www.w3.org/2006/12/xml-c14n11",
    "exclusive": "http://www.w3.org/2001/10/xml-exc-c14n#",
}
PREFIXES = ("prefixed", "mixed", "default")
PREFIX_LIST = "ei pyld #default"
NAMESPACES = {
    "ei": "http://docs.oasis-open.org/ns/energyinterop/201110",
    "pyld": "http://docs.oasis-open.org/ns/energyinterop/201110/payloads",
    "unused": "urn:unused",
}
OADR = "http://openadr.org/oadr-2.0b/2012/07"
DS = "http://www.w3.org/2000/09/xmldsig#"
DSP = "http://openadr.org/oadr-2.0b/2012/07/xmldsig-properties"
OF_THE_KEY = re.compile(rb"(<(?:ds:)?(SignatureValue|X509Certificate)>)[^<]*")


class Form(NamedTuple):
    """One way to sign. ``names``: which elements have prefixes; ``certificates``: how they come."""

    canonical: str
    comments: bool
    prefix_list: bool
    names: str
    certificates: str

    @property
    def name(self) -> str:
        """Such as ``exclusive-list-mixed-plain``."""
        extras = "-comments" * self.comments + "-list" * self.prefix_list
        return f"{self.canonical}{extras}-{self.names}-{self.certificates}"

    @property
    def algorithm(self) -> str:
        """The canonical form's address."""
        address = C14N[self.canonical]
        if not self.comments:
            return address
        return address + ("WithComments" if address.endswith("#") else "#WithComments")


def forms() -> Iterator[Form]:
    """All of them. The last three are xmlsec's alone."""
    for names in PREFIXES:
        for canonical in C14N:
            for comments in (False, True):
                yield Form(canonical, comments, False, names, "plain")
        yield Form("exclusive", False, True, names, "plain")
        for canonical in ("inclusive", "exclusive"):
            for certificates in ("carriage", "several"):
                yield Form(canonical, False, False, names, certificates)


# --- the documents --------------------------------------------------------------------------------


def document(form: Form) -> str:
    """The message with a Signature that waits for its values."""
    oadr = "" if form.names == "default" else "oadr:"
    ds = "ds:" if form.names == "prefixed" else ""
    declared = {"" if not oadr else "oadr": OADR, **NAMESPACES}
    head = " ".join(f'xmlns{":" * bool(p)}{p}="{uri}"' for p, uri in declared.items())
    return (
        f'<{oadr}oadrPayload {head} xml:lang="en">{_signature(form, ds)}'
        f'<{oadr}oadrSignedObject Id="oadrSignedObject">\n'
        " <!-- a comment --><?target instruction?>\n"
        f' <{oadr}oadrResponse ei:schemaVersion="2.0b"><ei:eiResponse>'
        "<ei:responseCode>200</ei:responseCode>\n"
        '<ei:responseDescription>a &lt; b &amp; "c" xmlns=""&#13;</ei:responseDescription>\n'
        f"<pyld:requestID>r-{form.name}</pyld:requestID></ei:eiResponse>"
        f"<ei:venID>ven-7</ei:venID></{oadr}oadrResponse>\n"
        f"</{oadr}oadrSignedObject></{oadr}oadrPayload>"
    )


def _signature(form: Form, ds: str) -> str:
    declared = f'xmlns{":" * bool(ds)}{ds.rstrip(":")}="{DS}"'
    references = "".join(_reference(form, ds, to) for to in ("oadrSignedObject", "prop"))
    return (
        f"<{ds}Signature {declared}><{ds}SignedInfo>"
        f'<{ds}CanonicalizationMethod Algorithm="{form.algorithm}"/>\n'
        f'<{ds}SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
        f"{references}\n</{ds}SignedInfo><{ds}SignatureValue></{ds}SignatureValue>"
        f"<{ds}KeyInfo></{ds}KeyInfo>\n"
        f'<{ds}Object Id="prop"><{ds}SignatureProperties>\n'
        f'<{ds}SignatureProperty Id="replay" Target="#oadrSignedObject">'
        f'<dsp:ReplayProtect xmlns:dsp="{DSP}">'
        "<dsp:timestamp>2030-01-01T12:00:00Z</dsp:timestamp>\n"
        f"<dsp:nonce>{form.name}</dsp:nonce></dsp:ReplayProtect></{ds}SignatureProperty>"
        f"</{ds}SignatureProperties>\n</{ds}Object></{ds}Signature>"
    )


def _reference(form: Form, ds: str, to: str) -> str:
    inside = (
        f'<ec:InclusiveNamespaces xmlns:ec="{C14N["exclusive"]}" PrefixList="{PREFIX_LIST}"/>'
        if form.prefix_list
        else ""
    )
    transform = f'{ds}Transform Algorithm="{form.algorithm}"'
    return (
        f'<{ds}Reference URI="#{to}"><{ds}Transforms>'
        + (f"<{transform}>{inside}</{ds}Transform>" if inside else f"<{transform}/>")
        + f'</{ds}Transforms><{ds}DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<{ds}DigestValue></{ds}DigestValue></{ds}Reference>"
    )


# --- keys -----------------------------------------------------------------------------------------


class Keys(NamedTuple):
    """A new key, its certificate, and another one that stands beside it."""

    secret: Any
    certificate: bytes
    intermediate: bytes


def make_keys() -> Keys:
    """Keys that nobody keeps."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    secret = rsa.generate_private_key(65537, 2048)
    other = rsa.generate_private_key(65537, 2048)
    return Keys(secret, _certificate("vtn", secret), _certificate("intermediate", other))


def _certificate(name: str, secret: Any) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=timezone.utc))
        .not_valid_after(datetime(2049, 12, 24, tzinfo=timezone.utc))
        .sign(secret, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def _pkcs8(secret: Any, encoding: str) -> bytes:
    from cryptography.hazmat.primitives import serialization as written

    data: bytes = secret.private_bytes(
        getattr(written.Encoding, encoding),
        written.PrivateFormat.PKCS8,
        written.NoEncryption(),
    )
    return data


# --- the two signers ------------------------------------------------------------------------------


def sign_by_xmlsec(form: Form, keys: Keys) -> bytes:
    """The message as xmlsec signs it."""
    import xmlsec  # type: ignore[import-not-found]
    from lxml import etree

    root = etree.fromstring(document(form).encode())
    signature = root[0]
    info = signature.find(f"{{{DS}}}KeyInfo")
    chain = [keys.certificate]
    if form.certificates == "several":
        chain.insert(0, keys.intermediate)
    for certificate in chain:
        data = etree.SubElement(info, f"{{{DS}}}X509Data")
        text = base64.encodebytes(certificate).decode().replace("\n", "")
        lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
        etree.SubElement(data, f"{{{DS}}}X509Certificate").text = lines
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(_pkcs8(keys.secret, "PEM"), xmlsec.KeyFormat.PEM)
    for element in (root[1], signature.find(f"{{{DS}}}Object")):
        context.register_id(element, "Id")
    context.sign(signature)
    signed: bytes = etree.tostring(root)
    return _with_carriage_returns(signed) if form.certificates == "carriage" else signed


def _with_carriage_returns(data: bytes) -> bytes:
    """Base64 outside of what is signed, with carriage returns as references."""
    return OF_THE_KEY.sub(lambda found: found.group().replace(b"\n", b"&#13;\n"), data)


def sign_by_jdk(folder: Path, keys: Keys) -> None:
    """All plain forms, as the JDK signs them."""
    (folder / "key.der").write_bytes(_pkcs8(keys.secret, "DER"))
    (folder / "cert.der").write_bytes(keys.certificate)
    for form in forms():
        if form.certificates == "plain":
            prefixes = PREFIX_LIST if form.prefix_list else ""
            todo = f"{form.algorithm}\n{prefixes}\n{document(form)}"
            (folder / f"{form.name}.todo").write_bytes(todo.encode())
    subprocess.run(["java", str(HERE / "Sign.java"), str(folder)], check=True)
    for path in (*folder.glob("*.todo"), *folder.glob("*.der")):
        path.unlink()


def make(folder: Path) -> None:
    """All messages, with one new key."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = make_keys()
    if shutil.which("java"):
        sign_by_jdk(folder, keys)
    else:
        print("java is not there: no messages of the JDK's.")
    try:
        for form in forms():
            (folder / f"xmlsec-{form.name}.xml").write_bytes(sign_by_xmlsec(form, keys))
    except ImportError:
        print("xmlsec is not there: no messages of xmlsec's.")
    (folder / "vtn.der").write_bytes(keys.certificate)


def compare(folder: Path) -> int:
    """Print where the recorded messages differ from those of ``folder``; how many do."""
    made = sorted(folder.glob("*.xml"))
    odd = [each.name for each in made if _kept(each) != _kept(HERE / each.name)]
    missing = sorted({each.name for each in HERE.glob("*.xml")} - {each.name for each in made})
    print(
        f"{len(made)} messages were compared, {len(odd)} differ{': ' * bool(odd)}{', '.join(odd)}"
    )
    if missing:
        print(f"not made, so not compared: {', '.join(missing)}")
    return len(odd)


def _kept(path: Path) -> bytes:
    """A message without what depends on the key."""
    return OF_THE_KEY.sub(rb"\1", path.read_bytes()) if path.exists() else b""


def main() -> int:
    """Make, or compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--compare", action="store_true", help="with what is recorded here")
    chosen = parser.parse_args()
    if chosen.compare:
        return 1 if compare(chosen.folder) else 0
    make(chosen.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
