"""Building automation reads the level that rules as a BACnet point: device 599, analog value 1
(level) and 2 (price).

BACNET is the address to listen on (127.0.0.1/24:47808). bacpypes3 lives in asyncio: it has a thread
of its own, and asks the client, which may be asked from any thread at any time.
"""

import asyncio
import os
import threading

from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.analog import AnalogValueObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.pdu import IPv4Address

from ven_sdk import OpenADRClient, enable_default_logging

SECONDS = 0.5


class Bridge:
    """A BACnet device whose points show what ``client`` knows, from ``start()`` to ``stop()``."""

    def __init__(self, client, address):
        self._client, self._address = client, address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._serve(),), name="bacnet", daemon=True
        )
        self._over = threading.Event()

    async def _serve(self):
        device = DeviceObject(
            objectIdentifier=("device", 599), objectName="openadr-ven", vendorIdentifier=999
        )
        application = NormalApplication(device, IPv4Address(self._address))
        level = AnalogValueObject(
            objectIdentifier=("analog-value", 1), objectName="openadr-level", presentValue=0.0
        )
        price = AnalogValueObject(
            objectIdentifier=("analog-value", 2), objectName="openadr-price", presentValue=0.0
        )
        application.add_object(level)
        application.add_object(price)
        while not self._over.is_set():
            level.presentValue = float(self._client.current_level())
            price.presentValue = float(self._client.signal_now("ELECTRICITY_PRICE") or 0)
            await asyncio.sleep(SECONDS)
        application.close()

    def start(self):
        """Answer on the network."""
        self._thread.start()

    def stop(self):
        """Leave the network."""
        self._over.set()
        self._thread.join()
        self._loop.close()


def main():
    """Run until Ctrl-C."""
    enable_default_logging()
    client = OpenADRClient(
        ven_name="bacnet-ven", vtn_url=os.environ.get("VTN_URL", "http://localhost:8080")
    )
    client.add_handler("on_event", lambda event: "optIn")
    bridge = Bridge(client, os.environ.get("BACNET", "127.0.0.1/24:47808"))
    bridge.start()
    try:
        client.run()
    finally:
        bridge.stop()


if __name__ == "__main__":
    main()
