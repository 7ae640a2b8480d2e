import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostOf, type ModbusLoad, numbersOf, unitOf } from './loads.ts';
import { cachePath, type Subject, startPublisher } from './subject.ts';

const PROGRAM = cachePath('node-red', 'node_modules', 'node-red', 'red.js');

/** Registers to numbers by name: what each user of the node writes himself. The topic is the first address. */
const DECODE = `
const first = Number(msg.topic);
const bytes = Buffer.alloc(2 * msg.payload.length);
msg.payload.forEach((word, index) => bytes.writeUInt16BE(word, 2 * index));
const values = {};
for (let at = 0; at < bytes.length; at += 4) values['p' + (first + at / 2)] = bytes.readFloatBE(at);
return { topic: 'meters', payload: values };`;

function clientOf(load: ModbusLoad, number: number, where: string): Record<string, unknown> {
  const medium =
    load.baud === undefined
      ? { clienttype: 'tcp', tcpHost: hostOf(load, number), tcpPort: where, tcpType: 'DEFAULT' }
      : {
          clienttype: 'simpleser',
          serialPort: where,
          serialType: 'RTU-BUFFERD',
          serialBaudrate: String(load.baud),
          serialDatabits: '8',
          serialStopbits: '1',
          serialParity: 'even',
          serialConnectionDelay: '100',
        };
  return {
    id: `client-${number}`,
    type: 'modbus-client',
    name: '',
    ...medium,
    bufferCommands: true,
    stateLogEnabled: false,
    queueLogEnabled: false,
    failureLogEnabled: false,
    unit_id: '1',
    commandDelay: '1',
    clientTimeout: '1000',
    reconnectOnTimeout: false,
    reconnectTimeout: '2000',
    parallelUnitIdsAllowed: false,
  };
}

function flowsOf(load: ModbusLoad, where: string, brokerPort: number): readonly unknown[] {
  const numbers = numbersOf(load);
  const clients = (load.isShared ? [1] : numbers).map((number) => clientOf(load, number, where));
  const reads = numbers.flatMap((number) =>
    load.blocks.map(([address, count]) => ({
      id: `read-${number}-${address}`,
      type: 'modbus-read',
      z: 'tab',
      name: '',
      topic: String(address),
      showStatusActivities: false,
      logIOActivities: false,
      showErrors: false,
      unitid: String(unitOf(load, number)),
      dataType: 'InputRegister',
      adr: String(address),
      quantity: String(count),
      rate: String(load.intervalMs),
      rateUnit: 'ms',
      delayOnStart: false,
      startDelayTime: '',
      server: load.isShared ? 'client-1' : `client-${number}`,
      useIOFile: false,
      ioFile: '',
      useIOForPayload: false,
      emptyMsgOnFail: false,
      wires: [['decode'], []],
    })),
  );
  return [
    { id: 'tab', type: 'tab', label: 'meters', disabled: false },
    {
      id: 'broker',
      type: 'mqtt-broker',
      broker: '127.0.0.1',
      port: String(brokerPort),
      autoConnect: true,
      protocolVersion: '4',
      keepalive: '60',
      cleansession: true,
    },
    ...clients,
    ...reads,
    { id: 'decode', type: 'function', z: 'tab', func: DECODE, outputs: 1, wires: [['out']] },
    {
      id: 'out',
      type: 'mqtt out',
      z: 'tab',
      topic: '',
      qos: '0',
      retain: 'false',
      broker: 'broker',
      wires: [],
    },
  ];
}

const SETTINGS = `module.exports = {
  flowFile: 'flows.json',
  httpAdminRoot: false,
  httpNodeRoot: false,
  disableEditor: true,
  logging: { console: { level: 'error', metrics: false, audit: false } },
};
`;

export const nodeRed: Subject = {
  name: 'Node-RED, contrib-modbus',
  tells: 'MQTT, JSON',
  missing: () => (existsSync(PROGRAM) ? undefined : 'npm: node-red, node-red-contrib-modbus'),
  start: (stage) =>
    startPublisher(stage, async (brokerPort) => {
      const { load, folder, where } = stage;
      await writeFile(join(folder, 'settings.js'), SETTINGS);
      await writeFile(join(folder, 'flows.json'), JSON.stringify(flowsOf(load, where, brokerPort)));
      return [process.execPath, [PROGRAM, '--userDir', folder, '--settings', join(folder, 'settings.js')]];
    }),
};
