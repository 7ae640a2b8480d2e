import type { SerialPort } from 'serialport';
import type { Dial } from './channel.ts';

/** How characters stand on a serial line. */
export interface SerialSettings {
  readonly baud: number;
  readonly dataBits: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
  /** Hand over bytes as they come (FTDI adapters collect them for 16 ms). Not every driver can. */
  readonly lowLatency: boolean;
}

/** Start, data, parity and stop bits. */
export function bitsPerCharacter({ dataBits, parity, stopBits }: SerialSettings): number {
  return 1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits;
}

/**
 * A serial port, exclusively ours among programs that lock ports. The path is resolved each time, so that an adapter
 * that comes back under another name is found by its `/dev/serial/by-id`.
 */
export function serialDial(path: string, settings: SerialSettings): Dial {
  return ({ onOpen, onData, onClose }) => {
    let port: SerialPort | undefined;
    let isClosed = false;

    const open = async (): Promise<void> => {
      // The native part is loaded when a port is needed: who has none does not need it either.
      const { SerialPort } = await import('serialport');
      if (isClosed) return;
      const { baud, dataBits, parity, stopBits, lowLatency } = settings;
      const options = {
        path,
        baudRate: baud,
        dataBits,
        parity,
        stopBits,
        lock: true,
        autoOpen: false,
      } as const;
      const own = new SerialPort({ ...options, ...(lowLatency ? { lowLatency } : {}) });
      port = own;
      own.on('data', onData);
      own.on('error', (error) => onClose(error.message));
      own.on('close', (error: Error | null) => onClose(error?.message ?? 'the port was closed'));
      const error = await new Promise<Error | null>((opened) => own.open(opened));
      if (error !== null) onClose(error.message);
      // What came in before belongs to nobody.
      else if (!isClosed) own.flush(() => onOpen());
    };

    const opening = open().catch((error: unknown) => onClose(String(error)));
    return {
      write: (bytes) => port?.write(bytes),
      // Bytes wait in the driver, where nobody sees them.
      drain: (done) => port?.flush(() => done()),
      async close() {
        isClosed = true;
        await opening;
        const own = port;
        if (own?.isOpen) await new Promise<void>((closed) => own.close(() => closed()));
      },
    };
  };
}
