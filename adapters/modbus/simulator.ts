import { createServer, type Server, type Socket } from 'node:net';
import {
  type AdapterHost,
  createSignal,
  type DevicePlan,
  type FieldValue,
  GatewayError,
  type PointId,
  type Simulation,
} from 'lwm2m-gateway/adapter';
import { createMbapReader, mbapFrame } from './mbap.ts';
import { compileDevice } from './points.ts';
import { createSlave, type Slave } from './slave.ts';

interface Simulated {
  readonly slave: Slave;
  isPresent: boolean;
}

const LOOPBACK = '127.0.0.1';

/**
 * A Modbus TCP server on the loopback interface with one unit per device. A device that is not present is silent, as
 * one behind a gateway would be.
 * @throws GatewayError `modbus.duplicate-unit`
 */
export async function simulate(devices: readonly DevicePlan[], host: AdapterHost): Promise<Simulation> {
  const writes = createSignal<{ device: string; point: PointId; value: FieldValue }>();
  const byId = new Map<string, Simulated>();
  const byUnit = new Map<number, Simulated>();
  for (const plan of devices) {
    const compiled = compileDevice(plan);
    if (byUnit.has(compiled.unit)) {
      throw new GatewayError('modbus.duplicate-unit', `two simulated devices have unit ${compiled.unit}`);
    }
    const slave = createSlave(compiled, ({ id }, value) =>
      writes.emit({ device: plan.id, point: id, value }),
    );
    const simulated = { slave, isPresent: true };
    byId.set(plan.id, simulated);
    byUnit.set(compiled.unit, simulated);
  }
  const simulatedOf = (device: string): Simulated => {
    const simulated = byId.get(device);
    if (simulated === undefined) throw new GatewayError('adapter.unknown-device', `no device ${device}`);
    return simulated;
  };

  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', (error) => host.log.debug({ reason: error.message }, 'a simulated connection broke'));
    serve(socket, byUnit);
  });
  const port = await listen(server);

  return {
    connection: { host: LOOPBACK, port },
    get: (device, point) => simulatedOf(device).slave.get(point),
    set: (device, point, value) => simulatedOf(device).slave.set(point, value),
    setPresent(device, present) {
      simulatedOf(device).isPresent = present;
    },
    onWrite: (listener) => writes.subscribe(listener),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(socket: Socket, units: ReadonlyMap<number, Simulated>): void {
  const reader = createMbapReader((transaction, body) => {
    const unit = units.get(body.readUInt8(0));
    if (unit?.isPresent) {
      const answer = unit.slave.answer(body.subarray(1));
      socket.write(mbapFrame(transaction, Buffer.concat([body.subarray(0, 1), answer])));
    }
    return true;
  });
  socket.on('data', (chunk) => {
    if (reader.push(chunk) !== undefined) socket.destroy();
  });
}

function listen(server: Server): Promise<number> {
  return new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(0, LOOPBACK, () => {
      const address = server.address();
      listening(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
