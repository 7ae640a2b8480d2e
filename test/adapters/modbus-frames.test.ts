import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc16 } from '../../adapters/modbus/crc16.ts';
import { createMbapReader, mbapFrame } from '../../adapters/modbus/mbap.ts';
import { createPduCodec, type Reply, type Request, withCrc } from '../../adapters/modbus/pdu.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** What a reader makes of chunks: frames as `transaction:body`, and the fault that ended it. */
function readAll(chunks: readonly Uint8Array[]): { frames: string[]; fault: string | undefined } {
  const frames: string[] = [];
  const reader = createMbapReader((transaction, body) => {
    frames.push(`${transaction}:${body.toString('hex')}`);
    return true;
  });
  for (const chunk of chunks) {
    const fault = reader.push(Buffer.from(chunk));
    if (fault !== undefined) return { frames, fault };
  }
  return { frames, fault: undefined };
}

describe('MBAP frames (Messaging on TCP/IP 1.0b section 3.1.3)', () => {
  const bodies = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 65_535 }), fc.uint8Array({ minLength: 3, maxLength: 254 })),
    { maxLength: 6 },
  );

  test('frames come out whole however the stream is cut', () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 300 })), (sent, cuts) => {
        let stream = Buffer.concat(
          sent.map(([transaction, body]) => mbapFrame(transaction, Buffer.from(body))),
        );
        const chunks: Buffer[] = [];
        for (const cut of cuts) {
          chunks.push(stream.subarray(0, cut));
          stream = stream.subarray(cut);
        }
        const { frames, fault } = readAll([...chunks, stream]);
        expect(fault).toBeUndefined();
        expect(frames).toEqual(sent.map(([id, body]) => `${id}:${Buffer.from(body).toString('hex')}`));
      }),
    );
  });

  test('any bytes give frames or a fault', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (chunks) => {
        readAll(chunks);
      }),
    );
  });

  test.each([
    ['another protocol', '0001 0001 0006 010304000000', 'protocol 1'],
    ['a length of 2', '0001 0000 0002 0103', 'a frame of 2 bytes'],
    ['a length of 255', '0001 0000 00ff 01', 'a frame of 255 bytes'],
    ['text', Buffer.from('HTTP/1.1 400').toString('hex'), 'protocol'],
  ])('%s is a fault', (_, bytes, fault) => {
    expect(readAll([hex(bytes)]).fault).toContain(fault);
  });
});

describe('requests as bytes (Modbus Application Protocol 1.1b3 section 6)', () => {
  const rows: [string, Request, string][] = [
    ['6.1', { function: 1, address: 0x13, count: 0x13 }, '11 01 0013 0013'],
    ['6.2', { function: 2, address: 0xc4, count: 0x16 }, '11 02 00c4 0016'],
    ['6.3', { function: 3, address: 0x6b, count: 3 }, '11 03 006b 0003'],
    ['6.4', { function: 4, address: 8, count: 1 }, '11 04 0008 0001'],
    ['6.5', { function: 5, address: 0xac, state: true }, '11 05 00ac ff00'],
    ['6.6', { function: 6, address: 1, value: 3 }, '11 06 0001 0003'],
    [
      '6.11',
      {
        function: 15,
        address: 0x13,
        states: [true, false, true, true, false, false, true, true, true, false],
      },
      '11 0f 0013 000a 02 cd01',
    ],
    ['6.12', { function: 16, address: 1, registers: [10, 0x102] }, '11 10 0001 0002 04 000a 0102'],
  ];
  test.each(rows)('section %s', (_, request, bytes) => {
    const body = hex(bytes);
    expect(createPduCodec().encode(0x11, request)).toEqual(withCrc(body));
  });

  test('the checksum is the one of RTU framing (Modbus over Serial Line 1.02 section 6.2.2)', () => {
    expect(crc16(hex('02 07'), 2)).toBe(0x1241);
  });
});

describe('replies are held against their request', () => {
  const READ: Request = { function: 3, address: 0x6b, count: 2 };
  const codec = createPduCodec();
  const decode = (request: Request, body: string): Reply => codec.decode(0x11, request, withCrc(hex(body)));

  test('data, an acknowledgement and an exception are told apart', () => {
    expect(decode(READ, '11 03 04 022b 0064')).toEqual({ status: 'done', data: hex('022b0064') });
    expect(decode({ function: 1, address: 0, count: 11 }, '11 01 02 cd05')).toEqual({
      status: 'done',
      data: hex('cd05'),
    });
    expect(decode({ function: 6, address: 1, value: 3 }, '11 06 0001 0003').status).toBe('done');
    expect(decode(READ, '11 83 02')).toEqual({ status: 'exception', code: 2 });
  });

  test.each<[string, Request, string]>([
    ['another unit', READ, '12 03 04 022b 0064'],
    ['the exception of another unit', READ, '12 83 02'],
    ['another function', READ, '11 04 04 022b 0064'],
    ['too few bytes', READ, '11 03 02 022b'],
    ['too many bytes', READ, '11 03 06 022b 0064 0000'],
    ['a byte count that lies', READ, '11 03 04 022b'],
    ['the exception of another function', READ, '11 84 02'],
    ['an exception with a tail', READ, '11 83 02 00'],
    ['the address of another write', { function: 6, address: 1, value: 3 }, '11 06 0002 0003'],
    ['the value of another write', { function: 6, address: 1, value: 3 }, '11 06 0001 0004'],
    ['the state of another coil', { function: 5, address: 1, state: true }, '11 05 0001 0000'],
    ['another count', { function: 16, address: 1, registers: [1, 2] }, '11 10 0001 0001'],
    ['a short acknowledgement', { function: 15, address: 1, states: [true] }, '11 0f 0001'],
  ])('%s is malformed', (_, request, body) => {
    expect(decode(request, body).status).toBe('malformed');
  });

  test('any bytes are an answer or malformed, and data only of the length that was asked for', () => {
    const request = fc.record({
      function: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const),
      address: fc.nat(65_535),
      count: fc.integer({ min: 1, max: 125 }),
    });
    fc.assert(
      fc.property(request, fc.uint8Array({ minLength: 3, maxLength: 254 }), (asked, body) => {
        const reply = codec.decode(0x11, asked, withCrc(Buffer.from(body)));
        if (reply.status !== 'done') return;
        expect(reply.data).toHaveLength(asked.function <= 2 ? Math.ceil(asked.count / 8) : 2 * asked.count);
      }),
    );
  });
});

test('the codec package loads without serialport, and keeps nothing open', () => {
  const script = `
    const Module = require('node:module');
    const resolve = Module._resolveFilename;
    Module._resolveFilename = function (request, ...rest) {
      if (request === 'serialport') throw Object.assign(new Error('absent'), { code: 'MODULE_NOT_FOUND' });
      return resolve.call(this, request, ...rest);
    };
    const ModbusRTU = require('modbus-serial');
    console.log(typeof new ModbusRTU().writeFC3);
  `;
  const { stdout, status } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  expect({ stdout: stdout.trim(), status }).toEqual({ stdout: 'function', status: 0 });
});
