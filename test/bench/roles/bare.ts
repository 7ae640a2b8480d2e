/**
 * The yardstick: `modbus-serial` as its README uses it, reading the same registers at the same interval into numbers,
 * and nothing else. Arguments: port, interval in ms.
 */
import modbusSerial from 'modbus-serial';
import { answerParent } from '../children.ts';
import { POINTS, REGISTERS, UNITS } from '../meter.ts';
import { usage } from '../usage.ts';

const [port = 0, intervalMs = 0] = process.argv.slice(2).map(Number);
const { default: ModbusRTU } = modbusSerial;
const client = new ModbusRTU();
const values = new Float64Array(UNITS * POINTS.length);
let samples = 0;
let isReading = false;

async function readAll(): Promise<void> {
  for (let unit = 1; unit <= UNITS; unit++) {
    client.setID(unit);
    const { buffer } = await client.readInputRegisters(0, REGISTERS);
    for (let point = 0; point < POINTS.length; point++) {
      values[(unit - 1) * POINTS.length + point] = buffer.readFloatBE(4 * point);
      samples++;
    }
  }
}

await client.connectTCP('127.0.0.1', { port });
setInterval(async () => {
  if (isReading) return;
  isReading = true;
  await readAll();
  isReading = false;
}, intervalMs);

answerParent({ usage, samples: () => samples });
