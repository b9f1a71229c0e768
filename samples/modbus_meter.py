"""A meter and a charger on Modbus TCP: power is reported, and a level limits the charger by a
register.

MODBUS names the device (127.0.0.1:502). Register 0: power in W. Register 10: the charger's limit in
percent.
"""

import os
import threading

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from ven_sdk import OpenADRClient, enable_default_logging

POWER, LIMIT = 0, 10
PERCENT_AT_LEVEL = {0: 100, 1: 60, 2: 30, 3: 0}


class Device:
    """The line to the device. One request at a time, whoever asks: a report's callback or an
    event's handler.
    """

    def __init__(self, address):
        host, _, port = address.partition(":")
        self._client = ModbusTcpClient(host, port=int(port or 502), timeout=3)
        self._line = threading.Lock()

    def _do(self, request, *arguments, **named):
        with self._line:
            if not self._client.connected:
                self._client.connect()
            reply = getattr(self._client, request)(*arguments, **named)
        if reply.isError():
            raise OSError(f"the device answered {request} with {reply}")
        return reply

    def read_power(self):
        """Watts; an exception leaves a gap in the report, and nothing else suffers."""
        return self._do("read_holding_registers", POWER, count=1).registers[0]

    def limit(self, percent):
        """Limit the charger."""
        self._do("write_register", LIMIT, percent)

    def close(self):
        """Hang up."""
        self._client.close()


def main():
    """Run until Ctrl-C."""
    enable_default_logging()
    device = Device(os.environ.get("MODBUS", "127.0.0.1"))
    client = OpenADRClient(
        ven_name="modbus-ven", vtn_url=os.environ.get("VTN_URL", "http://localhost:8080")
    )
    client.add_report(
        callback=device.read_power,
        resource_id="meter",
        measurement="powerReal",
        unit="W",
        r_id="meter-power",
        report_type="usage",
        sampling_rate=1,
    )

    @client.on("on_event")
    def decide(event):
        return (
            "optIn"
            if any(signal.signal_name == "SIMPLE" for signal in event.event_signals)
            else "optOut"
        )

    def follow(*_):
        # Asked for anew at each change: another event may rule than the one that begins or ends.
        device.limit(PERCENT_AT_LEVEL[client.current_level()])

    client.add_handler("on_interval_start", follow)
    client.add_handler("on_event_end", follow)
    try:
        client.run()
    finally:
        try:
            device.limit(100)
        except (OSError, ModbusException) as error:
            print(f"The charger keeps its limit: {error}")
        device.close()


if __name__ == "__main__":
    main()
