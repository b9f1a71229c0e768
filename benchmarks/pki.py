"""Make a throw-away CA, VTN certificate and VEN keys. Usage: python pki.py DIR  (needs
cryptography).
"""

import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from common import PASSPHRASE, config


def main(d):
    os.makedirs(d, exist_ok=True)
    now = datetime.datetime.now(datetime.timezone.utc)

    def name(cn):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])

    def write(fn, data):
        with open(os.path.join(d, fn), "wb") as f:
            f.write(data)

    def cert(key, cn, issuer, issuer_key, ca=False):
        b = (
            x509.CertificateBuilder()
            .subject_name(name(cn))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
        )
        b = b.add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), True)
        if not ca:
            b = b.add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
            )
        return b.sign(issuer_key, hashes.SHA256())

    def pem(key, pw=None):
        enc = ser.BestAvailableEncryption(pw.encode()) if pw else ser.NoEncryption()
        return key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, enc)

    cak = rsa.generate_private_key(65537, 2048)
    cac = cert(cak, "bench CA", name("bench CA"), cak, ca=True)
    write("ca.crt", cac.public_bytes(ser.Encoding.PEM))
    write("ca.key", pem(cak))
    for n, k in (
        ("vtn", rsa.generate_private_key(65537, 2048)),
        ("rsa2048", rsa.generate_private_key(65537, 2048)),
        ("rsa4096", rsa.generate_private_key(65537, 4096)),
        ("ec256", ec.generate_private_key(ec.SECP256R1())),
    ):
        write(n + ".crt", cert(k, n, cac.subject, cak).public_bytes(ser.Encoding.PEM))
        write(n + ".key", pem(k))
        write(n + "-pass.key", pem(k, PASSPHRASE))


def fleet(n):
    """Paths of n PEM files, each with an EC key and a certificate of its own under the CA; made
    where they are missing.
    """
    pki = config()["pki"]
    folder = os.path.join(pki, "fleet")
    os.makedirs(folder, exist_ok=True)
    paths = [os.path.join(folder, f"ven-{i}.pem") for i in range(n)]
    if not os.path.exists(paths[-1]):
        with open(os.path.join(pki, "ca.key"), "rb") as f, open(os.path.join(pki, "ca.crt"), "rb") as g:
            ca_key, ca = ser.load_pem_private_key(f.read(), None), x509.load_pem_x509_certificate(g.read())
        for i, path in enumerate(paths):
            write_member(path, f"ven-{i}", ca_key, ca)
    return paths


def write_member(path, name, ca_key, ca):
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
        .sign(ca_key, hashes.SHA256())
    )
    with open(path, "wb") as f:
        f.write(key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()))
        f.write(cert.public_bytes(ser.Encoding.PEM))


if __name__ == "__main__":
    main(sys.argv[1])
