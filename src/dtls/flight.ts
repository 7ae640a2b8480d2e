import type { Transcript } from './keys.ts';
import { encodeFragment, FRAGMENT_HEADER, type Message } from './message.ts';
import { CONTENT } from './numbers.ts';
import type { Epoch, RecordLayer } from './records.ts';

/** A message of ours, or the change of keys between two of them. */
export type FlightItem =
  | { readonly kind: 'message'; readonly epoch: Epoch; readonly message: Message }
  | { readonly kind: 'change-cipher-spec' };

/** What is sent, and sent again, together (RFC 6347 4.2.4). */
export interface Flight {
  readonly items: readonly FlightItem[];
  /**
   * `hello`: a server that keeps no state yet could not put it together (RFC 6347 4.2.1); `last`: nothing answers it,
   * so it is repeated only when the server repeats its own.
   */
  readonly kind: 'hello' | 'answer' | 'last';
}

/** Collects our messages, numbers them (RFC 6347 4.2.2), and adds them to the transcript. */
export interface FlightWriter {
  add(type: number, body: Buffer, epoch?: Epoch): void;
  changeCipherSpec(): void;
  /** All that was added since the flight before. */
  complete(kind: Flight['kind']): Flight;
}

export function createFlightWriter(transcript: Pick<Transcript, 'add'>): FlightWriter {
  let items: FlightItem[] = [];
  let sent = 0;
  return {
    add(type, body, epoch = 0) {
      const message: Message = { type, sequence: sent++, body };
      transcript.add(encodeFragment(message));
      items.push({ kind: 'message', epoch, message });
    },
    changeCipherSpec() {
      items.push({ kind: 'change-cipher-spec' });
    },
    complete(kind) {
      const flight = { items, kind };
      items = [];
      return flight;
    },
  };
}

const CHANGE_CIPHER_SPEC = Buffer.of(1);

/**
 * The datagrams of a flight, none longer than `mtu` bytes, with new record numbers each time.
 * @throws GatewayError `dtls.exhausted`
 */
export function packFlight(
  flight: Flight,
  mtu: number,
  records: Pick<RecordLayer, 'write' | 'overhead'>,
): Buffer[] {
  const datagrams: Buffer[] = [];
  let open: Buffer[] = [];
  let room = mtu;
  const close = (): void => {
    if (open.length > 0) datagrams.push(Buffer.concat(open));
    open = [];
    room = mtu;
  };
  const put = (record: Buffer): void => {
    if (record.length > room) close();
    open.push(record);
    room -= record.length;
  };
  for (const item of flight.items) {
    if (item.kind === 'change-cipher-spec') {
      put(records.write(CONTENT.changeCipherSpec, 0, CHANGE_CIPHER_SPEC));
      continue;
    }
    const { epoch, message } = item;
    const most = mtu - records.overhead(epoch) - FRAGMENT_HEADER;
    for (let offset = 0; offset === 0 || offset < message.body.length; offset += most) {
      const length = Math.min(most, message.body.length - offset);
      put(records.write(CONTENT.handshake, epoch, encodeFragment(message, offset, length)));
    }
  }
  close();
  return datagrams;
}
