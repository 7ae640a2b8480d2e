"""A Modbus server on 127.0.0.1 with fixed registers, for tests. Runs on pymodbus 3.0 (Debian 12) and 3.16.

Reads one line of JSON from the standard input:
  {"unit": 1, "port": 0, "holding": {"0": 2300, "2": [1, 2], "10": {"type": "float32", "value": 49.98}},
   "input": {...}, "coils": {"0": true}, "discrete": {...}}
With "framer": "rtu" or "ascii" it speaks that over TCP, with "udp": true Modbus/TCP frames in datagrams (3.16 only).
Addresses are as on the wire (from 0); a typed value takes as many registers as it needs, high byte and word first.
Prints "ready <port>" when it listens, and ends when the standard input closes.
"""

import asyncio
import inspect
import json
import os
import struct
import sys
import threading

from pymodbus.server import StartAsyncTcpServer

try:
    from pymodbus.server import ModbusTcpServer
except ImportError:  # 3.0 does not export it
    from pymodbus.server.async_io import ModbusTcpServer

FORMATS = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}
TABLES = ("coils", "discrete", "holding", "input")


def registers(value):
    """The registers of one value."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return [value]
    kind = value["type"]
    if kind == "string":
        raw = value["value"].encode()
        raw += bytes(len(raw) % 2)
    else:
        number = float if kind.startswith("float") else int
        raw = struct.pack(FORMATS[kind], number(value["value"]))
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def cells(table):
    """One {address: value} of a table, without gaps filled in."""
    return {
        int(address) + offset: value
        for address, values in table.items()
        for offset, value in enumerate(registers(values))
    }


def simulated(plan):
    """The device for a pymodbus that has SimDevice."""
    from pymodbus.simulator import DataType, SimData, SimDevice

    def block(name):
        bits = name in ("coils", "discrete")
        kind = DataType.BITS if bits else DataType.REGISTERS
        found = sorted(cells(plan.get(name, {})).items())
        # a table must not be empty; 65535 stands for "nothing here"
        found = found or [(65535, False if bits else 0)]
        return [SimData(at, values=bool(v) if bits else v, datatype=kind) for at, v in found]

    return SimDevice(plan["unit"], simdata=tuple(block(name) for name in TABLES))


def stored(plan):
    """The device for pymodbus 3.0."""
    from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock

    co, di, hr, ir = (ModbusSparseDataBlock(cells(plan.get(name, {}))) for name in TABLES)
    device = ModbusSlaveContext(co=co, di=di, hr=hr, ir=ir, zero_mode=True)
    return ModbusServerContext(slaves={plan["unit"]: device}, single=False)


def device_of(plan):
    takes_simulated = "SimDevice" in str(inspect.signature(StartAsyncTcpServer))
    return simulated(plan) if takes_simulated else stored(plan)


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def server_of(plan):
    address = ("127.0.0.1", plan.get("port", 0))
    if plan.get("udp"):
        from pymodbus.server import ModbusUdpServer

        return ModbusUdpServer(device_of(plan), address=address)
    if "framer" in plan:
        from pymodbus import FramerType

        return ModbusTcpServer(device_of(plan), framer=FramerType(plan["framer"]), address=address)
    return ModbusTcpServer(device_of(plan), address=address)


def port_of(listener):
    sockets = getattr(listener, "sockets", None)
    return sockets[0].getsockname()[1] if sockets else listener.get_extra_info("sockname")[1]


async def serve(plan):
    server = server_of(plan)
    serving = asyncio.ensure_future(server.serve_forever())
    listener = None
    while listener is None and not serving.done():
        await asyncio.sleep(0.01)
        listener = getattr(server, "server", None) or getattr(server, "transport", None)
    if listener is not None:
        print("ready", port_of(listener), flush=True)
    await serving


if __name__ == "__main__":
    wanted = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_input, daemon=True).start()
    asyncio.run(serve(wanted))
