"""A Modbus TCP server by pymodbus: `python3 pymodbus-server.py PORT`. Works with 3.0 (Debian 12) and current versions.

Units 1 and 2 hold in the input registers, from address 0: float32 230.1, int32 -70000 with its words swapped,
uint64 10^17 + 7, the text "PyMeter". Holding registers and coils 0 to 99 can be written and begin with zeros.
"""

import asyncio
import logging
import struct
import sys

from pymodbus import datastore
from pymodbus.server import StartAsyncTcpServer

logging.disable(logging.CRITICAL)

# Since 3.10 a "slave" is called a "device".
Device = getattr(datastore, "ModbusDeviceContext", None) or datastore.ModbusSlaveContext
is_old = not hasattr(datastore, "ModbusDeviceContext")
Block = datastore.ModbusSequentialDataBlock

swapped = struct.pack(">i", -70000)
image = struct.pack(">f", 230.1) + swapped[2:] + swapped[:2] + struct.pack(">Q", 10**17 + 7) + b"PyMeter\0"
words = list(struct.unpack(f">{len(image) // 2}H", image))


def device():
    # Blocks begin at 1, since pymodbus counts from there.
    return Device(
        di=Block(1, [True, False] * 50),
        co=Block(1, [False] * 100),
        ir=Block(1, words),
        hr=Block(1, [0] * 100),
    )


units = {1: device(), 2: device()}
context = datastore.ModbusServerContext(**{"slaves" if is_old else "devices": units}, single=False)
asyncio.run(StartAsyncTcpServer(context=context, address=("127.0.0.1", int(sys.argv[1]))))
