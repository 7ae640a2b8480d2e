import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostOf, type ModbusLoad, numbersOf, pointOf, unitOf } from './loads.ts';
import { cachePath, type Subject, startPublisher } from './subject.ts';

const PROGRAM = cachePath('telegraf', 'telegraf');

function requestText(load: ModbusLoad, number: number): string {
  const fields = load.addresses.map(
    (address) => `    { address = ${address}, name = "${pointOf(address)}", type = "FLOAT32" },`,
  );
  return `  [[inputs.modbus.request]]
    slave_id = ${unitOf(load, number)}
    byte_order = "ABCD"
    register = "input"
    optimization = "max_insert"
    optimization_max_register_fill = 50
    fields = [
${fields.join('\n')}
    ]
`;
}

function inputText(load: ModbusLoad, where: string, numbers: readonly number[]): string {
  const controller =
    load.baud === undefined
      ? `controller = "tcp://${hostOf(load, numbers[0] ?? 1)}:${where}"`
      : `controller = "file://${where}"\n  baud_rate = ${load.baud}\n  parity = "E"\n  transmission_mode = "RTU"`;
  return `[[inputs.modbus]]
  name = "m"
  ${controller}
  timeout = "1s"
  configuration_type = "request"
${numbers.map((number) => requestText(load, number)).join('')}`;
}

/** Written out at least every 100 ms, so that its buffer is not what is measured. */
function configText(load: ModbusLoad, where: string, brokerPort: number): string {
  const numbers = numbersOf(load);
  const inputs = load.isShared
    ? [inputText(load, where, numbers)]
    : numbers.map((number) => inputText(load, where, [number]));
  return `[agent]
  interval = "${load.intervalMs}ms"
  flush_interval = "100ms"
  metric_batch_size = 1000
  metric_buffer_limit = 100000
  omit_hostname = true
  quiet = true
[[outputs.mqtt]]
  servers = ["tcp://127.0.0.1:${brokerPort}"]
  topic = "meters"
  data_format = "influx"
${inputs.join('\n')}`;
}

export const telegraf: Subject = {
  name: 'Telegraf',
  tells: 'MQTT, line protocol',
  missing: () =>
    existsSync(PROGRAM) ? undefined : 'no Debian package; --install builds it with Go 1.24 or newer',
  start: (stage) =>
    startPublisher(stage, async (brokerPort) => {
      const file = join(stage.folder, 'telegraf.conf');
      await writeFile(file, configText(stage.load, stage.where, brokerPort));
      return [PROGRAM, ['--config', file]];
    }),
};
