import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import {
  type AdapterHost,
  createSignal,
  type DevicePlan,
  type FieldValue,
  GatewayError,
  type PointId,
  type Simulation,
} from 'lwm2m-gateway/adapter';
import { createChannel } from './channel.ts';
import { serialDialOf } from './connection.ts';
import { createFaultySender, type FaultScript } from './faults.ts';
import { BROADCAST } from './line-link.ts';
import { EXCEPTION_FLAG } from './pdu.ts';
import { compileDevice } from './points.ts';
import { createSlave, type Slave } from './slave.ts';
import { createRequestReader, type RequestReader, type Wire, wireOf } from './wires.ts';

/** Where simulated devices are reached: a connection type, and its settings where they have to be given. */
export interface SimulationMedium {
  readonly type: string;
  /** host and port to listen at; for a serial port the connection settings of the simulated end */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What goes wrong with each answer. */
  readonly faults?: FaultScript;
}

interface Simulated {
  readonly slave: Slave;
  isPresent: boolean;
}

const LOOPBACK = '127.0.0.1';

/**
 * Devices on one medium: by default a Modbus TCP server on the loopback interface with one unit per device. A device
 * that is not present is silent, as one behind a gateway would be.
 * @throws GatewayError `modbus.duplicate-unit`
 */
export async function simulate(
  devices: readonly DevicePlan[],
  host: AdapterHost,
  medium: SimulationMedium = { type: 'modbus-tcp' },
): Promise<Simulation> {
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

  const answer: AnswerRequest = (request, refusal) => {
    const unit = request.readUInt8(0);
    if (unit === BROADCAST && !byUnit.has(unit)) {
      for (const { slave, isPresent } of byUnit.values()) if (isPresent) slave.answer(request.subarray(1));
      return undefined;
    }
    const simulated = byUnit.get(unit);
    if (!simulated?.isPresent) return undefined;
    if (refusal !== undefined) return Buffer.of(unit, request.readUInt8(1) | EXCEPTION_FLAG, refusal);
    return Buffer.concat([request.subarray(0, 1), simulated.slave.answer(request.subarray(1))]);
  };
  const server = await serve(createResponder(wireOf(medium.type), answer, medium, host), medium, host);

  return {
    connection: server.connection,
    get: (device, point) => simulatedOf(device).slave.get(point),
    set: (device, point, value) => simulatedOf(device).slave.set(point, value),
    setPresent(device, present) {
      simulatedOf(device).isPresent = present;
    },
    onWrite: (listener) => writes.subscribe(listener),
    close: server.close,
  };
}

interface Server {
  readonly connection: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** @param refusal the exception that it has to be */
type AnswerRequest = (request: Buffer, refusal?: number) => Buffer | undefined;

/** Reads requests, and answers them by the functions that it is given. */
export type Respond = (write: (bytes: Buffer) => void, hangUp: () => void) => RequestReader;

/** Answers requests as they come, one after the other, in the way that the fault script wants it. */
function createResponder(
  wire: Wire,
  answer: AnswerRequest,
  { faults }: SimulationMedium,
  host: AdapterHost,
): Respond {
  return (write, hangUp) => {
    const send = createFaultySender(host.clock, write, hangUp);
    return createRequestReader(wire, (request, tag) => {
      const fault = faults?.(request, host.random);
      const reply = answer(request, fault?.kind === 'exception' ? fault.code : undefined);
      if (reply !== undefined) send(wire.frame(reply, tag), fault);
    });
  };
}

/** Listens on a medium, with a reader for every master there. */
export function serve(
  respond: Respond,
  medium: Pick<SimulationMedium, 'type' | 'settings'>,
  host: AdapterHost,
): Promise<Server> {
  switch (wireOf(medium.type).carrier) {
    case 'tcp':
      return serveTcp(respond, medium.settings);
    case 'udp':
      return serveUdp(respond, medium.settings);
    case 'serial':
      return serveSerial(respond, medium, host);
  }
}

/** Where to listen; by default on a free port of the loopback interface. */
function listenAt({ host, port }: SimulationMedium['settings'] = {}): { host: string; port: number } {
  return { host: String(host ?? LOOPBACK), port: Number(port ?? 0) };
}

async function serveTcp(respond: Respond, settings: SimulationMedium['settings']): Promise<Server> {
  const at = listenAt(settings);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const reader = respond(
      (bytes) => socket.write(bytes),
      () => socket.resetAndDestroy(),
    );
    socket.on('data', (chunk) => {
      if (!reader.push(chunk)) socket.destroy();
    });
  });
  const port = await new Promise<number>((listening, failed) => {
    server.once('error', failed);
    server.listen(at, () => {
      const address = server.address();
      listening(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  return {
    connection: { host: at.host, port },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function serveUdp(respond: Respond, settings: SimulationMedium['settings']): Promise<Server> {
  const at = listenAt(settings);
  const socket = createSocket('udp4');
  let isClosed = false;
  socket.on('message', (datagram, { port, address }) => {
    respond(
      (bytes) => {
        if (!isClosed) socket.send(bytes, port, address, () => {});
      },
      () => {},
    ).push(datagram);
  });
  await new Promise<void>((bound) => socket.bind(at.port, at.host, bound));
  return {
    connection: { host: at.host, port: socket.address().port },
    close: () =>
      new Promise((closed) => {
        isClosed = true;
        socket.close(() => closed());
      }),
  };
}

/** The devices take one end of a line; its settings are theirs, and the caller knows the other end. */
async function serveSerial(
  respond: Respond,
  medium: Pick<SimulationMedium, 'type' | 'settings'>,
  host: AdapterHost,
): Promise<Server> {
  const settings = medium.settings ?? {};
  const dial = serialDialOf(medium.type, settings);
  let opened = (): void => {};
  const isOpen = new Promise<void>((open) => {
    opened = open;
  });
  const channel = createChannel(dial, 0, host, {
    onOpen: () => opened(),
    onData: (chunk) => reader.push(chunk),
    onDown: () => {},
  });
  const reader = respond(
    (bytes) => channel.write(bytes),
    () => {},
  );
  channel.open();
  await isOpen;
  return { connection: settings, close: () => channel.close() };
}
