import { type AdapterHost, durationMs, GatewayError, type PlanFault } from 'lwm2m-gateway/adapter';
import { asciiFraming } from './ascii.ts';
import type { Dial } from './channel.ts';
import {
  ASCII_SHAPE,
  type LineTiming,
  lineMedium,
  type Medium,
  RTU_SHAPE,
  silenceMs,
  tcpMedium,
} from './cost.ts';
import type { CompiledDevice } from './field.ts';
import { BROADCAST, createLineLink } from './line-link.ts';
import type { Link } from './link.ts';
import { createMbapLink } from './mbap-link.ts';
import { rtuFraming } from './rtu.ts';
import { bitsPerCharacter, type SerialSettings, serialDial } from './serial.ts';
import { tcpDial } from './tcp.ts';
import { udpDial } from './udp.ts';

type Settings = Readonly<Record<string, unknown>>;

/** The keys of connections, as their schemas let them pass. */
interface SocketKeys {
  readonly host: string;
  readonly port?: number;
  readonly timing?: {
    readonly connectDelay?: string;
    readonly pause?: string;
    readonly lateReplyWindow?: string;
  };
  readonly maxInFlight?: number;
  readonly idleClose?: string;
}

interface LineKeys {
  readonly localEcho?: boolean;
  readonly timing?: {
    readonly connectDelay?: string;
    readonly interFrame?: string;
    readonly turnaround?: string;
    readonly broadcastDelay?: string;
    readonly lateReplyWindow?: string;
  };
}

interface SerialKeys extends LineKeys {
  readonly port: string;
  readonly serial: { readonly baud: number } & Partial<Omit<SerialSettings, 'baud'>>;
}

interface LineSocketKeys extends LineKeys {
  readonly host: string;
  readonly port?: number;
}

/** What differs between the media of Modbus. */
export interface ConnectionType {
  medium(settings: Settings): Medium;
  createLink(settings: Settings, host: AdapterHost): Link;
  /** Requests to unit 0 reach all devices, and none answers. */
  readonly broadcasts: boolean;
}

export const MODBUS_PORT = 502;

/** What holds when the settings say nothing. */
export const DEFAULTS = {
  broadcastDelay: '150ms',
  lineLateReplyWindow: '3s',
  dataBits: { rtu: 8, ascii: 7 },
  parity: 'even',
  stopBits: 1,
} as const;

/** Long enough for a device whose next request is on its way, short enough for a device with a single socket. */
const AFTER_CYCLE_MS = 100;

function idleCloseMs(idleClose = 'never'): number {
  if (idleClose === 'never') return Number.POSITIVE_INFINITY;
  return idleClose === 'after-cycle' ? AFTER_CYCLE_MS : durationMs(idleClose);
}

const ms = (duration: string | undefined, preset = '0ms'): number => durationMs(duration ?? preset);

/** Transactions tell answers apart: TCP and UDP. */
function mbap(dialOf: (host: string, port: number) => Dial, isDatagram: boolean): ConnectionType {
  const keysOf = (settings: Settings): SocketKeys => settings as unknown as SocketKeys;
  return {
    broadcasts: false,
    medium: (settings) => tcpMedium(ms(keysOf(settings).timing?.pause)),
    createLink(settings, host) {
      const { host: name, port = MODBUS_PORT, timing, maxInFlight = 1, idleClose } = keysOf(settings);
      return createMbapLink(
        {
          dial: dialOf(name, port),
          connectDelayMs: ms(timing?.connectDelay),
          pauseMs: ms(timing?.pause),
          lateReplyWindowMs: ms(timing?.lateReplyWindow),
          maxInFlight,
          idleCloseMs: idleCloseMs(idleClose),
          isDatagram,
        },
        inContext(host, { host: name, port }),
      );
    },
  };
}

type LineFraming = 'rtu' | 'ascii';
const FRAMINGS = { rtu: rtuFraming, ascii: asciiFraming };
const SHAPES = { rtu: RTU_SHAPE, ascii: ASCII_SHAPE };

/** Silence that ends a broken frame. Drivers and adapters hand bytes over late, networks later. */
const GAP_MS = { serial: 50, network: 200 };
/** The silence between frames of converters that we do not see. */
const NETWORK_SILENCE_MS = 2;

function serialOf({ serial }: SerialKeys, framing: LineFraming): SerialSettings {
  const { parity = DEFAULTS.parity, stopBits = DEFAULTS.stopBits, lowLatency = false } = serial;
  const { dataBits = DEFAULTS.dataBits[framing] } = serial;
  return { baud: serial.baud, dataBits, parity, stopBits, lowLatency };
}

function characterMs(settings: SerialSettings): number {
  return (1000 * bitsPerCharacter(settings)) / settings.baud;
}

function interFrameMs({ interFrame = 'auto' }: NonNullable<LineKeys['timing']>, autoMs: number): number {
  return interFrame === 'auto' ? autoMs : durationMs(interFrame);
}

function serialTiming(keys: SerialKeys, framing: LineFraming): LineTiming {
  const settings = serialOf(keys, framing);
  const auto = silenceMs(settings.baud, characterMs(settings));
  return {
    characterMs: characterMs(settings),
    silenceMs: interFrameMs(keys.timing ?? {}, auto) + ms(keys.timing?.turnaround),
  };
}

function lineLink(
  dial: Dial,
  framing: LineFraming,
  { timing = {}, localEcho }: LineKeys,
  more: { characterMs: number; interFrameMs: number; gapMs: number; canBeHalfOpen: boolean },
  host: AdapterHost,
): Link {
  return createLineLink(
    {
      dial,
      framing: FRAMINGS[framing],
      connectDelayMs: ms(timing.connectDelay),
      turnaroundMs: ms(timing.turnaround),
      broadcastMs: ms(timing.broadcastDelay, DEFAULTS.broadcastDelay),
      lateReplyWindowMs: ms(timing.lateReplyWindow, DEFAULTS.lineLateReplyWindow),
      localEcho,
      ...more,
    },
    host,
  );
}

/** The port of a serial line, for whoever is at its other end. */
export function serialDialOf(type: string, settings: Settings): Dial {
  const keys = settings as unknown as SerialKeys;
  return serialDial(keys.port, serialOf(keys, type === 'modbus-ascii' ? 'ascii' : 'rtu'));
}

/** A serial port of this computer. */
function serialLine(framing: LineFraming): ConnectionType {
  const keysOf = (settings: Settings): SerialKeys => settings as unknown as SerialKeys;
  return {
    broadcasts: true,
    medium: (settings) => lineMedium(SHAPES[framing], serialTiming(keysOf(settings), framing)),
    createLink(settings, host) {
      const keys = keysOf(settings);
      const timing = serialTiming(keys, framing);
      const more = {
        characterMs: timing.characterMs,
        interFrameMs: timing.silenceMs - ms(keys.timing?.turnaround),
        gapMs: Math.max(GAP_MS.serial, 10 * timing.characterMs),
        canBeHalfOpen: false,
      };
      const dial = serialDial(keys.port, serialOf(keys, framing));
      return lineLink(dial, framing, keys, more, inContext(host, { port: keys.port }));
    },
  };
}

/** A serial line behind a converter that passes its bytes on. */
function lineOverTcp(framing: LineFraming): ConnectionType {
  const keysOf = (settings: Settings): LineSocketKeys => settings as unknown as LineSocketKeys;
  const interFrame = (keys: LineKeys): number => interFrameMs(keys.timing ?? {}, NETWORK_SILENCE_MS);
  return {
    broadcasts: true,
    medium: (settings) => {
      const keys = keysOf(settings);
      return tcpMedium(interFrame(keys) + ms(keys.timing?.turnaround));
    },
    createLink(settings, host) {
      const keys = keysOf(settings);
      const { host: name, port = MODBUS_PORT } = keys;
      const more = {
        characterMs: 0,
        interFrameMs: interFrame(keys),
        gapMs: GAP_MS.network,
        canBeHalfOpen: true,
      };
      return lineLink(tcpDial(name, port), framing, keys, more, inContext(host, { host: name, port }));
    },
  };
}

function inContext(host: AdapterHost, context: Readonly<Record<string, unknown>>): AdapterHost {
  return { ...host, log: host.log.child(context) };
}

/** By connection type. A further medium is a further row. */
const CONNECTION_TYPES: Readonly<Record<string, ConnectionType>> = {
  'modbus-tcp': mbap(tcpDial, false),
  'modbus-udp': mbap(udpDial, true),
  'modbus-rtu': serialLine('rtu'),
  'modbus-rtu-tcp': lineOverTcp('rtu'),
  'modbus-ascii': serialLine('ascii'),
  'modbus-ascii-tcp': lineOverTcp('ascii'),
};

/** True for the unit that is all devices of a line. */
export function reachesAll({ unit }: Pick<CompiledDevice, 'unit'>, { broadcasts }: ConnectionType): boolean {
  return broadcasts && unit === BROADCAST;
}

/** A unit that nobody answers for can only be written to, and only with what goes without an answer. */
export function broadcastFaults(device: CompiledDevice, type: ConnectionType): PlanFault[] {
  if (!reachesAll(device, type)) return [];
  const asked = [...device.fields.values()].find(
    ({ isReadable, write }) => isReadable || write?.verify !== 'none',
  );
  if (asked === undefined) return [];
  const message = `unit 0 reaches all devices of a line and none answers: point ${asked.id} needs access: w and verify: none`;
  return [{ path: ['settings', 'unit'], message }];
}

/** @throws GatewayError `modbus.unknown-connection-type`, which schemas do not let happen */
export function connectionType(name: string): ConnectionType {
  const type = CONNECTION_TYPES[name];
  if (type === undefined) throw new GatewayError('modbus.unknown-connection-type', `no such type: ${name}`);
  return type;
}
