"""The other sides of the samples: a Modbus device and an MQTT broker, from their libraries, each on
a thread with a loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Iterator
from typing import Any, Callable

SECONDS = 15


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def serving(
    start: Callable[[], Awaitable[Any]], stop: Callable[[Any], Awaitable[Any]]
) -> Iterator[Any]:
    """What ``start`` gives, on a loop that runs on a thread of its own; ``stop`` ends it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(SECONDS)  # type: ignore[arg-type]

    try:
        served = do(start())
        try:
            yield served
        finally:
            do(stop(served))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()


class Modbus:
    """A Modbus device on ``port``, as another client of it sees it."""

    def __init__(self, port: int) -> None:
        self._port = port

    def wait_for(self, register: int, value: int) -> None:
        """Until the register holds ``value``."""
        from pymodbus.client import ModbusTcpClient

        deadline = time.monotonic() + SECONDS
        with ModbusTcpClient("127.0.0.1", port=self._port) as client:
            while True:
                found = client.read_holding_registers(register, count=1).registers[0]
                if found == value:
                    return
                assert time.monotonic() < deadline, f"register {register} is {found}, not {value}"
                time.sleep(0.05)


@contextlib.contextmanager
def modbus_device(port: int, registers: list[int]) -> Iterator[Modbus]:
    """pymodbus's own server with these holding registers."""
    from pymodbus.server import ModbusTcpServer

    async def start() -> Any:
        server = ModbusTcpServer(_context(registers), address=("127.0.0.1", port))
        await server.serve_forever(background=True)
        return server

    with serving(start, lambda server: server.shutdown()):
        yield Modbus(port)


def _context(registers: list[int]) -> Any:
    """pymodbus has changed how a device is described: by SimDevice, before 3.12 by data blocks."""
    import pymodbus

    if tuple(map(int, pymodbus.__version__.split(".")[:2])) >= (3, 12):
        from pymodbus.simulator import DataType, SimData, SimDevice

        return SimDevice(id=0, simdata=[SimData(0, values=registers, datatype=DataType.REGISTERS)])
    from pymodbus import datastore

    kind = "devices" if hasattr(datastore, "ModbusDeviceContext") else "slaves"
    device = getattr(
        datastore, "ModbusDeviceContext" if kind == "devices" else "ModbusSlaveContext"
    )
    return datastore.ModbusServerContext(
        **{kind: device(hr=datastore.ModbusSequentialDataBlock(1, registers))}, single=True
    )


@contextlib.contextmanager
def mqtt_broker(port: int) -> Iterator[None]:
    """An amqtt broker that lets everybody in."""
    from amqtt.broker import Broker

    async def start() -> Any:
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                },
            }
        )
        await broker.start()
        return broker

    with serving(start, lambda broker: broker.shutdown()):
        yield
