import fc from 'fast-check';
import modbusSerial from 'modbus-serial';
import { describe, expect, test } from 'vitest';
import { asciiFraming } from '../../adapters/modbus/ascii.ts';
import { crc16 } from '../../adapters/modbus/crc16.ts';
import { answerLength, findFrame } from '../../adapters/modbus/framing.ts';
import { createMbapReader, mbapFrame } from '../../adapters/modbus/mbap.ts';
import {
  decodeReply,
  encodeRequest,
  type Reply,
  type Request,
  replyBytes,
} from '../../adapters/modbus/pdu.ts';
import { rtuFraming } from '../../adapters/modbus/rtu.ts';

/** CommonJS whose class is the whole module; its types know it as `default` only, which it also is. */
const { default: ModbusRTU } = modbusSerial;
type ModbusRTU = InstanceType<typeof ModbusRTU>;

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
    ['6.8.1', { function: 8, token: 0xa537 }, '11 08 0000 a537'],
    ['6.16', { function: 22, address: 4, and: 0xf2, or: 0x25 }, '11 16 0004 00f2 0025'],
    ['6.17', { function: 23, address: 14, registers: [255, 1] }, '11 17 000e 0002 000e 0002 04 00ff 0001'],
    ['6.12', { function: 16, address: 1, registers: [10, 0x102] }, '11 10 0001 0002 04 000a 0102'],
  ];
  test.each(rows)('section %s', (_, request, bytes) => {
    expect(encodeRequest(0x11, request)).toEqual(hex(bytes));
  });

  test('the checksum is the one of RTU framing (Modbus over Serial Line 1.02 section 6.2.2)', () => {
    expect(crc16(hex('02 07'), 2)).toBe(0x1241);
  });
});

describe('replies are held against their request', () => {
  const READ: Request = { function: 3, address: 0x6b, count: 2 };
  const decode = (request: Request, body: string): Reply => decodeReply(0x11, request, hex(body));

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

  test('a register mask, a write with read, and an echo are told apart', () => {
    const mask: Request = { function: 22, address: 4, and: 0xf2, or: 0x25 };
    expect(decode(mask, '11 16 0004 00f2 0025').status).toBe('done');
    expect(decode(mask, '11 16 0004 00f2 0024').status).toBe('malformed');
    const both: Request = { function: 23, address: 14, registers: [255, 1] };
    expect(decode(both, '11 17 04 00ff 0001')).toEqual({ status: 'done', data: hex('00ff0001') });
    expect(decode({ function: 8, token: 7 }, '11 08 0000 0008').status).toBe('malformed');
  });

  test('any bytes are an answer or malformed, and data only of the length that was asked for', () => {
    const request = fc.record({
      function: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const),
      address: fc.nat(65_535),
      count: fc.integer({ min: 1, max: 125 }),
    });
    fc.assert(
      fc.property(request, fc.uint8Array({ minLength: 3, maxLength: 254 }), (asked, body) => {
        const reply = decodeReply(0x11, asked, Buffer.from(body));
        if (reply.status !== 'done') return;
        expect(reply.data).toHaveLength(asked.function <= 2 ? Math.ceil(asked.count / 8) : 2 * asked.count);
      }),
    );
  });
});

describe('frames on a line', () => {
  const read: Request = { function: 3, address: 0x6b, count: 2 };
  const answer = hex('11 03 04 022b 0064');

  test('RTU: unit, function, data, checksum low byte first (Modbus over Serial Line 1.02 section 2.5.1)', () => {
    expect(rtuFraming.frame(hex('02 07'))).toEqual(hex('02 07 41 12'));
  });

  test('ASCII: colon, hexadecimal digits, LRC, CR LF (section 2.5.2)', () => {
    expect(asciiFraming.frame(hex('01 03 006b 0003')).toString('latin1')).toBe(':0103006B00038E\r\n');
  });

  test.each([
    ['rtu', rtuFraming],
    ['ascii', asciiFraming],
  ])('%s: an answer is found behind anything, and never in anything', (_name, framing) => {
    const frame = framing.frame(answer);
    expect(frame).toHaveLength(framing.frameBytes(replyBytes(read)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 10 }), (before, behind) => {
        const bytes = Buffer.concat([before, frame, behind]);
        const found = findFrame(framing, bytes, 0, answerLength(0x11, read));
        expect(found?.body).toEqual(answer);
        expect(findFrame(framing, Buffer.from(before), 0, answerLength(0x11, read))).toBeUndefined();
      }),
    );
  });

  test.each([
    ['rtu', rtuFraming],
    ['ascii', asciiFraming],
  ])('%s: one wrong bit anywhere, and there is no frame', (_name, framing) => {
    const frame = framing.frame(answer);
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const damaged = Buffer.from(frame);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const found = findFrame(framing, damaged, 0, answerLength(0x11, read));
      // In hexadecimal digits, the bit between capitals and small letters says nothing.
      if (found !== undefined) expect([framing, found.body]).toEqual([asciiFraming, answer]);
    }
  });
});

describe('modbus-serial, an independent codec, agrees', () => {
  /** The members of a port that it needs to write into memory. */
  function frameOf(call: (modbus: ModbusRTU) => void): Buffer {
    let written: Buffer = Buffer.alloc(0);
    const port = {
      isOpen: true,
      _transactionIdRead: 0,
      _transactionIdWrite: 0,
      open: (opened: () => void) => opened(),
      on() {},
      once() {},
      removeListener() {},
      write(frame: Buffer) {
        written = frame;
      },
    };
    const modbus = new ModbusRTU(port);
    modbus.open();
    call(modbus);
    return written;
  }
  const next = (): void => {};
  const rows: [Request, (modbus: ModbusRTU) => void][] = [
    [{ function: 1, address: 19, count: 37 }, (m) => m.writeFC1(17, 19, 37, next)],
    [{ function: 2, address: 196, count: 22 }, (m) => m.writeFC2(17, 196, 22, next)],
    [{ function: 3, address: 107, count: 3 }, (m) => m.writeFC3(17, 107, 3, next)],
    [{ function: 4, address: 8, count: 1 }, (m) => m.writeFC4(17, 8, 1, next)],
    [{ function: 5, address: 172, state: true }, (m) => m.writeFC5(17, 172, true, next)],
    [{ function: 6, address: 1, value: 3 }, (m) => m.writeFC6(17, 1, 3, next)],
    [
      { function: 15, address: 19, states: [true, false, true, true, false, false, true, true, true] },
      (m) => m.writeFC15(17, 19, [true, false, true, true, false, false, true, true, true], next),
    ],
    [{ function: 16, address: 1, registers: [10, 258] }, (m) => m.writeFC16(17, 1, [10, 258], next)],
  ];
  test.each(rows)('$function', (request, call) => {
    expect(rtuFraming.frame(encodeRequest(17, request))).toEqual(frameOf(call));
  });
});
