import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchClient } from './client.ts';
import { benchCoap } from './coap.ts';
import { benchSamples, type Extent } from './gateway.ts';
import type { ModbusChoice } from './modbus/bench.ts';
import { profileGateway } from './profile.ts';
import { benchRequests } from './requests.ts';

const BENCHES: Readonly<Record<string, (extent: Extent & ModbusChoice) => Promise<void>>> = {
  gateway: async (extent) => {
    await benchSamples(extent);
    await benchRequests(extent);
  },
  samples: benchSamples,
  requests: benchRequests,
  profile: profileGateway,
  modbus: async (extent) => (await import('./modbus/bench.ts')).benchModbus(extent),
  codec: async () => (await import('./codec.ts')).benchCodec(),
  coap: benchCoap,
  dtls: async (extent) => (await import('./dtls.ts')).benchDtls(extent),
  client: benchClient,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    install: { type: 'boolean', default: false },
    loads: { type: 'string' },
    programs: { type: 'string' },
  },
});
const [name = 'gateway'] = positionals;
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`there is no bench ${name}; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 1;
} else {
  const [{ model } = { model: 'unknown processor' }] = cpus();
  console.log(
    `${cpus().length} x ${model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
  );
  await bench({ ...values, seconds: Number(values.seconds), rounds: Number(values.rounds) });
}
