#!/usr/bin/env python3
"""Where the client's time of a signed poll goes, piece by piece, in microseconds of CPU. Needs
VEN_BENCH_CONFIG (see micro.py).
"""

import os
import sys
import time
from datetime import datetime, timezone
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import adapter_ven_sdk as sdk  # noqa: E402
import fixtures as fx  # noqa: E402
from common import VEN_ID, key_files  # noqa: E402


def pieces(key, window):
    """The steps of one signed poll, in order, as functions that take what the step before gave."""
    from ven_sdk.oadr20b.codec import envelope, parsing, reader
    from ven_sdk.oadr20b.schema.registration import Poll
    from ven_sdk.oadr20b.security import verification
    from ven_sdk.oadr20b.security.replay import ReplayGuard
    from ven_sdk.oadr20b.security.signing import Signer
    from ven_sdk.security.credentials import Credentials

    signer, record, data = Signer(Credentials.load(*key_files(key))), Poll(ven_id=VEN_ID), fx.message("response", 1, "vtn")
    now, state = datetime.now(timezone.utc), {}

    def verifier():
        return verification.Verifier(sdk.vtn_fingerprint(), ReplayGuard(window))

    pinned = verifier()

    def structure():
        state["signature"] = verification._signature(state["root"])

    def certificate():
        state["certificate"] = pinned._certificate(state["signature"], now)

    def signxml():
        state["results"] = verification._verify_references(state["root"], state["certificate"], now)

    def replay():
        fresh._check_replay(verification._one(state["results"], verification._PROPERTY_HOLDERS).signed_xml, now)

    fresh = verifier()
    return {
        "poll: record to canonical text": lambda: state.update(body=envelope.signed_object(record)),
        f"poll: signature ({key})": lambda: signer.sign_canonical(state["body"]),
        "reply: parse": lambda: state.update(root=parsing.parse(data, verbatim=True)),
        "reply: structure of the signature": structure,
        "reply: pinned certificate": certificate,
        "reply: signxml": signxml,
        "reply: timestamp and nonce": replay,
        "reply: record": lambda: reader.read(
            envelope.payload_of(verification._clean(verification._one(state["results"], (verification.SIGNED_OBJECT,))))
        ),
    }, lambda: fresh._replay.__init__(window)


def main():
    os.sched_setaffinity(0, {0})
    print("| piece | us |\n|---|---:|")
    for key in ("ec256", "rsa2048"):
        steps, forget = pieces(key, 86400.0)
        times = {name: [] for name in steps}
        for _ in range(600):
            forget()
            for name, step in steps.items():
                a = time.process_time()
                step()
                times[name].append(time.process_time() - a)
        for name, values in times.items():
            if key == "ec256" or key in name:
                print(f"| {name} | {1e6 * median(values):.0f} |")


if __name__ == "__main__":
    main()
