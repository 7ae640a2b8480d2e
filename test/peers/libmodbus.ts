import { fileURLToPath } from 'node:url';
import { isExecutable, type Running, run, start } from './process.ts';

/** libmodbus as slave and master, by a small program on it (`libmodbus_peer.c`), which `.ci/run` builds. */

const PROGRAM = fileURLToPath(new URL('../../.cache/libmodbus/libmodbus_peer', import.meta.url));

export const libmodbusInstallLine =
  'apt-get install gcc libc6-dev pkg-config libmodbus-dev && mkdir -p .cache/libmodbus && cc -o .cache/libmodbus/libmodbus_peer test/peers/libmodbus_peer.c $(pkg-config --cflags --libs libmodbus)';

export function libmodbusAvailable(): boolean {
  return isExecutable(PROGRAM);
}

/** What tables of the slave hold at first; each has 200 addresses. */
export const LIBMODBUS_HOLDS = {
  input: (address: number): number => 3 * address + 1,
  holding: (address: number): number => address,
  coil: (address: number): boolean => address % 2 === 1,
  discrete: (address: number): boolean => address % 2 === 0,
} as const;

const START = { deadlineMs: 5000 };

export async function startLibmodbusTcp(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const slave = await start(PROGRAM, ['slave', 'tcp'], { ...START, ready: /^ready (\d+)$/m });
  return { port: Number(slave.ready[1]), stop: slave.stop };
}

/** At 19200 Bd, 8E1. */
export function startLibmodbusRtu(device: string, unit: number): Promise<Running> {
  return start(PROGRAM, ['slave', 'rtu', device, `${unit}`], { ...START, ready: /^ready$/m });
}

/**
 * Does operations, e.g. `input 0 3` or `set 5 7` (see the head of `libmodbus_peer.c`), and gives back a line for each:
 * values, `done`, or `refused: Illegal data address`.
 * @param at a port of 127.0.0.1, or a serial port at 19200 Bd, 8E1
 */
export async function libmodbusMaster(
  at: number | string,
  unit: number,
  operations: readonly string[],
): Promise<string[]> {
  const words = operations.flatMap((operation) => operation.split(' '));
  const medium = typeof at === 'number' ? 'tcp' : 'rtu';
  const { code, stdout, stderr } = await run(PROGRAM, ['master', medium, `${at}`, `${unit}`, ...words], {
    deadlineMs: 10_000,
  });
  if (code !== 0) throw new Error(`libmodbus_peer ended with ${code}: ${stderr}${stdout}`);
  return stdout.trimEnd().split('\n');
}
