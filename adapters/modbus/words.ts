import { TABLES, type Table } from './address.ts';
import type { HeardFrame } from './ear.ts';
import { exceptionRule } from './exceptions.ts';
import { EXCEPTION_FLAG } from './pdu.ts';

/** What was heard, in words of one line. */

const TABLE_OF: Readonly<Record<number, Table>> = Object.fromEntries(
  (Object.keys(TABLES) as Table[]).map((table) => [TABLES[table].read, table]),
);

const WRITES: Readonly<Record<number, Table>> = {
  5: 'coil',
  6: 'holding',
  15: 'coil',
  16: 'holding',
  22: 'holding',
};

/** The table that a function reads. */
export function tableRead(code: number): Table | undefined {
  return TABLE_OF[code];
}

const grouped = (bytes: Buffer): string => bytes.toString('hex').replace(/(.{4})(?=.)/g, '$1 ');

function requestText(body: Buffer): string {
  const [unit = 0, code = 0] = body;
  if (body.length < 6) return `unit ${unit}, function ${code}: ${grouped(body.subarray(2))}`;
  const [address, second] = [body.readUInt16BE(2), body.readUInt16BE(4)];
  const table = TABLE_OF[code];
  if (table !== undefined) return `read ${table} ${address}, ${second} of unit ${unit}`;
  const written = WRITES[code];
  if (written === undefined) return `function ${code} to unit ${unit}: ${grouped(body.subarray(2))}`;
  const values = code === 5 || code === 6 ? body.subarray(4) : body.subarray(code === 22 ? 4 : 7);
  return `write ${written} ${address} of unit ${unit}${code === 22 ? ' by mask' : ''}: ${grouped(values)}`;
}

function answerText(body: Buffer): string {
  const [unit = 0, code = 0, third = 0] = body;
  if (code & EXCEPTION_FLAG) return `unit ${unit} refuses: ${exceptionRule(third).name}`;
  if (TABLE_OF[code] !== undefined || code === 23) return `unit ${unit} holds ${grouped(body.subarray(3))}`;
  return `unit ${unit} has done it`;
}

export function textOf({ kind, bytes, body }: HeardFrame): string {
  switch (kind) {
    case 'request':
      return requestText(body);
    case 'answer':
      return answerText(body);
    case 'noise':
      return `${bytes.length} bytes that are no frame`;
  }
}
