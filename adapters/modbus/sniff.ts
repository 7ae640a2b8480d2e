import { connect, createServer, type Socket } from 'node:net';
import {
  type AdapterHost,
  type Cancel,
  type ConnectionPlan,
  GatewayError,
  type Sniffer,
  type SniffOptions,
} from 'lwm2m-gateway/adapter';
import { createChannel } from './channel.ts';
import { MODBUS_PORT, serialDialOf } from './connection.ts';
import { createEar, type HeardFrame, type Side } from './ear.ts';
import { WIRES, type Wire } from './wires.ts';
import { textOf } from './words.ts';

/** Silence after which what is not whole never will be: drivers and networks hand bytes over late. */
const SILENCE_MS = { serial: 50, tcp: 200 };

/** Takes bytes of one conversation, and tells the frames in them. */
interface Listener {
  take(chunk: Buffer, side: Side): void;
  close(): void;
}

function createListener(
  wire: Wire,
  startedAt: number,
  { onHeard }: SniffOptions,
  { clock }: AdapterHost,
): Listener {
  const ear = createEar(wire);
  const at = (): number => clock.monotonic() - startedAt;
  let cancel: Cancel = () => {};
  const tell = (frames: readonly HeardFrame[]): void => {
    for (const frame of frames) onHeard({ ...frame, at: at(), text: textOf(frame) });
  };
  return {
    take(chunk, side) {
      cancel();
      tell(ear.hear(chunk, side, clock.monotonic()));
      cancel = clock.after(wire.carrier === 'serial' ? SILENCE_MS.serial : SILENCE_MS.tcp, () =>
        tell(ear.silence()),
      );
    },
    close() {
      cancel();
      tell(ear.silence());
    },
  };
}

/** A line is listened to by an adapter of its own, which never says a word. */
function listenToLine(
  { type, settings }: ConnectionPlan,
  wire: Wire,
  options: SniffOptions,
  host: AdapterHost,
): Sniffer {
  const startedAt = host.clock.monotonic();
  const listener = createListener(wire, startedAt, options, host);
  const channel = createChannel(serialDialOf(type, settings), 0, host, {
    onOpen: () => {},
    onData: (chunk) => listener.take(chunk, 'both'),
    onDown: (reason) => options.onDown(reason),
  });
  channel.open();
  return {
    where: { port: settings.port },
    async close() {
      listener.close();
      await channel.close();
    },
  };
}

/** Between a master and its device: passes every byte on as it comes, understood or not. */
async function listenBetween(
  { settings }: ConnectionPlan,
  wire: Wire,
  options: SniffOptions,
  host: AdapterHost,
): Promise<Sniffer> {
  const target = { host: String(settings.host), port: Number(settings.port ?? MODBUS_PORT), noDelay: true };
  const startedAt = host.clock.monotonic();
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (master) => {
    const listener = createListener(wire, startedAt, options, host);
    const device = connect(target);
    const pass = (from: Socket, to: Socket, side: Side): void => {
      sockets.add(from);
      from.on('data', (chunk) => {
        // A side that does not read holds the other one back.
        if (!to.write(chunk)) from.pause();
        listener.take(chunk, side);
      });
      to.on('drain', () => from.resume());
      from.on('error', (error) => options.onDown(error.message));
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
        listener.close();
      });
    };
    pass(master, device, 'master');
    pass(device, master, 'slave');
  });
  const { host: at = '127.0.0.1', port = 0 } = options.listen ?? {};
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen({ host: at, port }, listening);
  });
  const address = server.address();
  return {
    where: { host: at, port: typeof address === 'object' && address !== null ? address.port : port },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** @throws GatewayError `modbus.unknown-connection-type` for a medium that nobody can listen to */
export async function sniff(
  connection: ConnectionPlan,
  options: SniffOptions,
  host: AdapterHost,
): Promise<Sniffer> {
  const wire = WIRES[connection.type];
  if (wire === undefined || wire.carrier === 'udp')
    throw new GatewayError('modbus.unknown-connection-type', `nobody can listen to ${connection.type}`);
  return wire.carrier === 'serial'
    ? listenToLine(connection, wire, options, host)
    : listenBetween(connection, wire, options, host);
}
