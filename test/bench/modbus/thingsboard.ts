import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostOf, type ModbusLoad, numbersOf, pointOf, unitOf } from './loads.ts';
import { cachePath, type Subject, startPublisher } from './subject.ts';

const PROGRAM = cachePath('thingsboard', 'bin', 'thingsboard-gateway');

const UNLIMITED = '0:0,';

function slaveOf(load: ModbusLoad, number: number, where: string): Record<string, unknown> {
  const medium =
    load.baud === undefined
      ? { type: 'tcp', method: 'socket', host: hostOf(load, number), port: Number(where) }
      : {
          type: 'serial',
          method: 'rtu',
          port: where,
          baudrate: load.baud,
          // A pseudo terminal has no parity, and Python takes that for an error.
          parity: 'N',
          stopbits: 1,
          bytesize: 8,
          strict: false,
        };
  return {
    ...medium,
    unitId: unitOf(load, number),
    deviceName: `meter-${number}`,
    deviceType: 'default',
    timeout: 1,
    byteOrder: 'BIG',
    wordOrder: 'BIG',
    retries: 0,
    retryOnEmpty: false,
    retryOnInvalid: false,
    pollPeriod: load.intervalMs,
    connectAttemptTimeMs: 1000,
    connectAttemptCount: 5,
    waitAfterFailedAttemptsMs: 30_000,
    attributes: [],
    timeseries: load.addresses.map((address) => ({
      tag: pointOf(address),
      type: '32float',
      functionCode: 4,
      objectsCount: 2,
      address,
    })),
    attributeUpdates: [],
    rpc: [],
  };
}

function gatewayOf(brokerPort: number): unknown {
  return {
    thingsboard: {
      host: '127.0.0.1',
      port: brokerPort,
      remoteShell: false,
      remoteConfiguration: false,
      statistics: { enable: false },
      minPackSendDelayMS: 50,
      minPackSizeToSend: 500,
      maxPayloadSizeBytes: 65_536,
      checkConnectorsConfigurationInSeconds: 600,
      security: { type: 'accessToken', accessToken: 'bench' },
      qos: 0,
      rateLimits: UNLIMITED,
      dpRateLimits: UNLIMITED,
      messagesRateLimits: UNLIMITED,
      deviceMessagesRateLimits: UNLIMITED,
      deviceRateLimits: UNLIMITED,
      deviceDpRateLimits: UNLIMITED,
    },
    storage: { type: 'memory', read_records_count: 1000, max_records_count: 100_000 },
    grpc: { enabled: false },
    connectors: [{ type: 'modbus', name: 'Modbus', configuration: 'modbus.json' }],
  };
}

const LOGS = {
  version: 1,
  disable_existing_loggers: false,
  handlers: { console: { class: 'logging.StreamHandler', level: 'ERROR' } },
  loggers: {},
  root: { level: 'ERROR', handlers: ['console'] },
};

export const thingsBoard: Subject = {
  name: 'ThingsBoard gateway',
  tells: 'MQTT, JSON',
  missing: () => (existsSync(PROGRAM) ? undefined : 'PyPI: thingsboard-gateway'),
  start: (stage) =>
    startPublisher(stage, async (brokerPort) => {
      const { load, folder, where } = stage;
      const config = join(folder, 'config');
      const slaves = numbersOf(load).map((number) => slaveOf(load, number, where));
      await mkdir(config, { recursive: true });
      await mkdir(join(folder, 'logs'), { recursive: true });
      const files = {
        'tb_gateway.json': gatewayOf(brokerPort),
        'modbus.json': { name: 'Modbus', logLevel: 'ERROR', master: { slaves } },
        'logs.json': LOGS,
      };
      for (const [name, content] of Object.entries(files))
        await writeFile(join(config, name), JSON.stringify(content));
      return [PROGRAM, [], { TB_GW_CONFIG_DIR: config, TB_GW_LOGS_PATH: join(folder, 'logs') }];
    }),
};
