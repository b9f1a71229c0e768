"""openleadr's client as the VEN that is certified: ``python openleadr_ven.py URL``, with
``VTN_CA_FILE``, ``VEN_CERT`` and ``VEN_KEY`` where the VTN speaks TLS. It ends when it is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from typing import Any

from openleadr import OpenADRClient


async def opt_in(event: Any) -> str:
    return "optIn"


async def read_power() -> float:
    return 5.0


async def main(url: str) -> None:
    """Run until the process ends."""
    names = {"ca_file": "VTN_CA_FILE", "cert": "VEN_CERT", "key": "VEN_KEY"}
    trust = {name: os.environ.get(variable) or None for name, variable in names.items()}
    client = OpenADRClient(
        ven_name="openleadr", vtn_url=url, disable_signature=True, show_fingerprint=False, **trust
    )
    client.add_report(
        callback=read_power,
        resource_id="meter",
        measurement="RealPower",
        unit="W",
        report_type="usage",
        r_id="power",
        sampling_rate=timedelta(seconds=2),
    )
    client.add_handler("on_event", opt_in)
    await client.run()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
