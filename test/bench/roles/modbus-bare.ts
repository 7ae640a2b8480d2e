/**
 * The yardstick of the Modbus bench: `modbus-serial` as its README uses it, reading the same registers at the same
 * interval into numbers, and nothing else. Arguments: start, name of the load, port or path of the line.
 */
import modbusSerial from 'modbus-serial';
import { answerParent } from '../children.ts';
import { hostOf, loadOf, numbersOf, unitOf } from '../modbus/loads.ts';
import { createWatcher } from '../modbus/watched.ts';

type Client = InstanceType<typeof modbusSerial.default>;

const TIMEOUT_MS = 1000;
const [start = '0', name = '', where = ''] = process.argv.slice(2);
const load = loadOf(name);
const watcher = createWatcher(Number(start));
const wanted = new Set(load.addresses);

async function connect(number: number): Promise<Client> {
  const client = new modbusSerial.default();
  if (load.baud === undefined) await client.connectTCP(hostOf(load, number), { port: Number(where) });
  else await client.connectRTUBuffered(where, { baudRate: load.baud, parity: 'even' });
  client.setTimeout(TIMEOUT_MS);
  return client;
}

async function readUnit(client: Client, unit: number): Promise<void> {
  client.setID(unit);
  for (const [first, count] of load.blocks) {
    const { buffer } = await client.readInputRegisters(first, count);
    for (let address = first; address < first + count; address += 2)
      if (wanted.has(address)) watcher.take(buffer.readFloatBE(2 * (address - first)));
  }
}

/** One connection, and all units behind it, again and again. */
function poll(client: Client, units: readonly number[]): void {
  let isReading = false;
  const readAll = async (): Promise<void> => {
    if (isReading) return;
    isReading = true;
    for (const unit of units) await readUnit(client, unit).catch(() => {});
    isReading = false;
  };
  setInterval(() => void readAll(), load.intervalMs);
  void readAll();
}

if (load.isShared) poll(await connect(1), numbersOf(load));
else
  for (const number of numbersOf(load)) {
    const client = await connect(number);
    setTimeout(() => poll(client, [unitOf(load, number)]), (load.intervalMs * number) / load.devices);
  }

answerParent({ watch: watcher.watch });
