import { fileURLToPath } from 'node:url';
import { type Finished, isOnPath, run, start } from './process.ts';
import { pythonWith } from './python.ts';

/** mbpoll (libmodbus) as an independent master, and pymodbus as an independent server. */

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const mbpollInstallLine = 'apt-get install mbpoll';

export function mbpollAvailable(): boolean {
  return isOnPath('mbpoll');
}

/**
 * Runs mbpoll once, e.g. `mbpoll(['-0', '-1', '-p', '1502', '-a', '1', '-r', '0', '-c', '2', '127.0.0.1'])`:
 * `-0` counts addresses from 0, `-1` polls once, `-t` selects the table and form (`0` coils, `1` discrete inputs,
 * `3` input and `4` holding registers, `4:int`, `4:float`, `4:hex`), `-B` reads the high word first. Values after
 * the host are written, negative ones after `--`. Code 0 is success; else the last line of stderr tells why, e.g.
 * `Read output (holding) register failed: Illegal data address`.
 */
export function mbpoll(args: readonly string[], deadlineMs = 10_000): Promise<Finished> {
  return run('mbpoll', args, { deadlineMs });
}

/** The values that mbpoll printed, by address, as it wrote them: `[5]:  65535 (-1)` gives `65535`. */
export function mbpollValues(stdout: string): ReadonlyMap<number, string> {
  const lines = stdout.matchAll(/^\[(\d+)\]:\s*(\S+)/gm);
  return new Map([...lines].map(([, address, value]) => [Number(address), value ?? '']));
}

export const pymodbusInstallLine =
  "python3 -m venv .cache/pymodbus && .cache/pymodbus/bin/pip install 'pymodbus>=3.16,<4'";

/** A number of several registers, high byte and high word first, as Python's `struct` packs it. */
export interface TypedValue {
  readonly type:
    | 'int16'
    | 'uint16'
    | 'int32'
    | 'uint32'
    | 'int64'
    | 'uint64'
    | 'float32'
    | 'float64'
    | 'string';
  /** 64-bit numbers as bigint or decimal text */
  readonly value: number | bigint | string;
}

/** Registers by address from 0: one, several from this address on, or a typed value. */
export type RegisterTable = Readonly<Record<number, number | readonly number[] | TypedValue>>;
export type BitTable = Readonly<Record<number, boolean>>;

export interface PymodbusPlan {
  readonly unit?: number;
  /** 0 or nothing: any free one */
  readonly port?: number;
  /** over TCP in place of Modbus TCP (pymodbus 3.16) */
  readonly framer?: 'rtu' | 'ascii';
  /** the frames of Modbus TCP in datagrams (pymodbus 3.16) */
  readonly udp?: boolean;
  readonly holding?: RegisterTable;
  readonly input?: RegisterTable;
  readonly coils?: BitTable;
  readonly discrete?: BitTable;
}

export interface PymodbusServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly unit: number;
  /** what the server has logged; its errors help to explain a failed test */
  output(): string;
  stop(): Promise<void>;
}

export function pymodbusAvailable(): boolean {
  return pythonWith('pymodbus.server') !== undefined;
}

/**
 * Starts a Modbus/TCP server with these values and no others: another address gives exception 2. Another unit gives
 * exception 4 (pymodbus 3.16) or no answer (3.0). Masters may write; the next read shows it.
 */
export async function startPymodbus(plan: PymodbusPlan = {}): Promise<PymodbusServer> {
  const python = pythonWith('pymodbus.server');
  if (python === undefined) throw new Error(`pymodbus is missing: ${pymodbusInstallLine}`);
  const unit = plan.unit ?? 1;
  const server = await start(python, ['-u', at('pymodbus_server.py')], {
    ready: /^ready (\d+)$/m,
    deadlineMs: 15_000,
    input: `${JSON.stringify({ ...plan, unit }, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}\n`,
  });
  return { host: '127.0.0.1', port: Number(server.ready[1]), unit, output: server.output, stop: server.stop };
}

/** Whether pymodbus has servers with other framings than that of Modbus TCP. */
export function pymodbusFramersAvailable(): boolean {
  return pythonWith('pymodbus.simulator') !== undefined;
}
