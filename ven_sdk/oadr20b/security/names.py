"""Names and algorithms of signed OpenADR messages (rules S3 and S4), shared by signing and
verification.

Constants only.
"""

from __future__ import annotations

OADR = "http://openadr.org/oadr-2.0b/2012/07"
DS = "http://www.w3.org/2000/09/xmldsig#"
DSP = "http://openadr.org/oadr-2.0b/2012/07/xmldsig-properties"

PAYLOAD = f"{{{OADR}}}oadrPayload"
SIGNED_OBJECT = f"{{{OADR}}}oadrSignedObject"
OBJECT_ID = f"{{{OADR}}}Id"
SIGNATURE = f"{{{DS}}}Signature"
REPLAY_PROTECT = f"{{{DSP}}}ReplayProtect"

C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
C14N_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
