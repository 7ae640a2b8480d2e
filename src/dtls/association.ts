import { GatewayError, isGatewayError, messageOf } from '../base/index.ts';
import { ALERTS, type AlertName, alertName, FATAL, WARNING } from './alert.ts';
import type { Association, AssociationOptions, AssociationUser } from './engine.ts';
import { alertOf, malformed } from './fault.ts';
import { createFlightSender } from './flight-sender.ts';
import { createHandshake, type Handshake, type Outcome, type Step } from './handshake.ts';
import { decodeHelloVerifyRequest } from './hello.ts';
import { decodeFragments, type Fragment } from './message.ts';
import { CONTENT, HANDSHAKE } from './numbers.ts';
import { type CheckedOptions, readOptions } from './options.ts';
import { createReassembly } from './reassembly.ts';
import { type Content, createRecordLayer, type RawRecord, recordAt } from './records.ts';
import { bindingOf, encodeConnection, encodeSession, type Session } from './session.ts';

const NO_COOKIE = Buffer.alloc(0);
/** Cookies followed in one handshake; a server may change its mind, but not for ever. */
const MOST_COOKIES = 5;
/** Records, and messages of the application, kept that came before their time. */
const MOST_EARLY = 8;

/** Messages that end a flight of the server. */
const LAST_OF_FLIGHT = new Set<number>([HANDSHAKE.serverHelloDone, HANDSHAKE.finished]);

/**
 * The client's side of DTLS 1.2 (RFC 6347) without sockets: datagrams and time in, datagrams out. What is not
 * authentic never ends an open association.
 * @throws GatewayError `dtls.bad-options`
 */
export function createAssociation(given: AssociationOptions, user: AssociationUser): Association {
  const options = readOptions(given);
  const records = createRecordLayer();
  const reassembly = createReassembly();
  const ownCidLength = (options.connection?.records.ownCid ?? options.connectionId)?.length ?? 0;
  const transmit = (datagram: Buffer): void => user.transmit(datagram);
  const sender = createFlightSender({ ...options, records, transmit, gaveUp, failed: fail });

  let phase: 'idle' | 'handshake' | 'open' | 'ended' = 'idle';
  /** Gone once the association is open. */
  let handshake: Handshake | undefined;
  /** of the open association */
  let session: Session | undefined;
  let cookie: Buffer = NO_COOKIE;
  let cookies = 0;
  /** Our ChangeCipherSpec was sent. */
  let hasChangedCipher = false;
  let earlyRecords: RawRecord[] = [];
  let earlyMessages: Buffer[] = [];
  let discarded = 0;
  /** Why something of the handshake was discarded at last. */
  let discardedFor: string | undefined;
  /** Records too early to be kept, and bytes that are none. */
  let unread = 0;

  // ---- the end

  function end(error: Error | undefined): void {
    if (phase === 'ended') return;
    phase = 'ended';
    sender.stop();
    handshake?.erase();
    forgetHandshake();
    session?.master.fill(0);
    session = undefined;
    earlyMessages = [];
    records.erase();
    user.ended(error);
  }

  function forgetHandshake(): void {
    handshake = undefined;
    cookie = NO_COOKIE;
    options.session?.master.fill(0); // the handshake has a copy where it resumed
    earlyRecords = [];
    reassembly.clear();
  }

  function sendAlert(level: number, alert: AlertName): void {
    try {
      const bytes = Buffer.of(level, ALERTS[alert]);
      user.transmit(records.write(CONTENT.alert, hasChangedCipher ? 1 : 0, bytes));
    } catch {
      // Keys that may not be used any more: it ends without a word.
    }
  }

  function fail(fault: unknown): void {
    if (phase === 'ended') return;
    sendAlert(FATAL, alertOf(fault));
    end(
      isGatewayError(fault)
        ? fault
        : new GatewayError('dtls.failed', `DTLS cannot go on: ${messageOf(fault)}`, { cause: fault }),
    );
  }

  function gaveUp(): void {
    const hint = discardedFor === undefined ? '' : `; discarded at last: ${discardedFor}`;
    end(new GatewayError('dtls.timeout', `no DTLS handshake within ${options.timers.totalMs} ms${hint}`));
  }

  // ---- the handshake

  const discard = (why: string): void => {
    discarded++;
    discardedFor = why;
  };

  const follow = ({ protection, flight, outcome }: Step): void => {
    if (protection !== undefined) records.protect(protection);
    if (flight !== undefined) {
      hasChangedCipher = flight.items.some(({ kind }) => kind === 'change-cipher-spec');
      sender.begin(flight);
    }
    if (outcome !== undefined) open(outcome);
    else if (protection !== undefined) for (const record of earlyRecords.splice(0)) takeRecord(record);
  };

  const open = (outcome: Outcome): void => {
    const { suite, session: made, ...facts } = outcome;
    phase = 'open';
    session = made;
    sender.settle();
    forgetHandshake();
    user.opened({
      ...facts,
      suite: suite.name,
      isRestored: false,
      hasPeerCid: (records.state?.peerCid.length ?? 0) > 0,
    });
    // Whoever hears them may end it.
    for (let next = earlyMessages.shift(); next !== undefined; next = earlyMessages.shift())
      user.received(next);
  };

  /** RFC 6347 4.2.1. It is never fragmented, and does not count as a message. */
  const takeCookie = (negotiation: Handshake, { sequence, bytes }: Fragment): void => {
    const asked = decodeHelloVerifyRequest(bytes);
    if (sequence > cookies) throw malformed('a request for a cookie that answers no hello');
    const isKnown = asked.equals(cookie);
    if (!isKnown && ++cookies > MOST_COOKIES) throw malformed('too many cookies');
    reassembly.expect(Math.max(reassembly.due, sequence + 1));
    cookie = asked;
    if (isKnown) sender.answerRepetition();
    else sender.begin(negotiation.hello(cookie));
  };

  const takeFragment = (negotiation: Handshake, fragment: Fragment, epoch: number): void => {
    const { type, sequence, bytes, length, offset } = fragment;
    // All that is protected in a handshake is Finished.
    if ((type === HANDSHAKE.finished) !== (epoch === 1))
      throw malformed('a handshake message in the wrong epoch');
    if (type === HANDSHAKE.helloVerifyRequest) {
      if (negotiation.awaitsHello) takeCookie(negotiation, fragment);
    } else if (sequence >= reassembly.due) {
      if (reassembly.add(fragment)) takeMessages(negotiation);
    } else if (LAST_OF_FLIGHT.has(type) && offset + bytes.length === length) sender.answerRepetition();
  };

  const takeMessages = (negotiation: Handshake): void => {
    for (let message = reassembly.take(); message !== undefined; message = reassembly.take()) {
      let step: Step;
      try {
        step = negotiation.take(message);
      } catch (fault) {
        // Nothing has changed, so the true message can still come.
        if (isGatewayError(fault, 'dtls.malformed')) reassembly.expect(message.sequence);
        throw fault;
      }
      follow(step);
      if (phase !== 'handshake') return;
    }
  };

  /** Whoever wrote it, it need not be the server: what makes no sense is passed over (RFC 6347 4.1.2.7). */
  const takeHandshake = (negotiation: Handshake, { bytes, epoch }: Content): void => {
    try {
      for (const fragment of decodeFragments(bytes)) {
        // RFC 5246 7.4.1.1: not looked at during a handshake
        if (fragment.type !== HANDSHAKE.helloRequest) takeFragment(negotiation, fragment, epoch);
        if (phase !== 'handshake') return;
      }
    } catch (fault) {
      if (!isGatewayError(fault, 'dtls.malformed')) throw fault;
      discard(fault.message);
    }
  };

  // ---- records

  const takeAlert = ({ bytes: { length, 0: level, 1: code } }: Content): void => {
    if (length !== 2 || code === undefined) discard('an alert out of form');
    else if (code === ALERTS.close_notify) {
      if (phase === 'open') sendAlert(WARNING, 'close_notify'); // RFC 5246 7.2.1
      end(new GatewayError('dtls.closed', 'the server closed the DTLS association'));
    } else if (level === FATAL) {
      const alert = alertName(code);
      end(new GatewayError('dtls.alert', `the server refused: ${alert}`, { data: { alert } }));
    }
  };

  const takeData = ({ bytes, epoch }: Content): void => {
    if (epoch === 1 && phase === 'open') {
      sender.stop(); // it has got our last flight
      user.received(bytes);
    } else if (epoch === 1 && earlyMessages.length < MOST_EARLY) earlyMessages.push(bytes);
    else discard('application data before its time');
  };

  /** There is no renegotiation (RFC 5246 7.2.2); who repeats Finished lacks our last flight (RFC 6347 4.2.4). */
  const refuseHandshake = ({ bytes }: Content): void => {
    const [type] = bytes;
    if (type === HANDSHAKE.helloRequest) sendAlert(WARNING, 'no_renegotiation');
    else if (type === HANDSHAKE.finished) sender.answerRepetition();
  };

  const takeRecord = (record: RawRecord): void => {
    if (record.epoch === 1 && !records.isProtected) {
      if (earlyRecords.length < MOST_EARLY) earlyRecords.push(record);
      else unread++;
      return;
    }
    if (phase === 'open' && record.epoch === 0) return; // nothing in the clear means anything now
    const content = records.read(record);
    if (content === undefined) return;
    if (content.type === CONTENT.applicationData) takeData(content);
    else if (content.type === CONTENT.alert) takeAlert(content);
    else if (content.type === CONTENT.handshake && handshake !== undefined) takeHandshake(handshake, content);
    else if (content.type === CONTENT.handshake) refuseHandshake(content);
    // ChangeCipherSpec: the epoch of the records that follow says as much.
  };

  const begin = (): void => {
    handshake = createHandshake({ ...options, now: options.clock.now });
    phase = 'handshake';
    sender.begin(handshake.hello(cookie));
  };

  /** Goes on where another association ended (RFC 9146). */
  const restore = ({ records: state, session: saved }: NonNullable<CheckedOptions['connection']>): void => {
    records.protect(state);
    session = saved;
    hasChangedCipher = true;
    phase = 'open';
    user.opened({
      suite: state.suite.name,
      isResumed: false,
      isRestored: true,
      isExtendedMasterSecret: saved?.isExtendedMasterSecret ?? false,
      isEncryptThenMac: state.isEncryptThenMac,
      hasPeerCid: true,
      serverCertificate: undefined,
    });
  };

  return {
    get counters() {
      const { malformed: bad, forged, replayed } = records.counters;
      return { repeated: sender.repeated, discarded, malformed: bad + unread, forged, replayed };
    },
    get isOpen() {
      return phase === 'open';
    },
    start() {
      if (phase !== 'idle') return;
      if (options.connection === undefined) begin();
      else restore(options.connection);
    },
    receive(datagram) {
      const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
      try {
        let at = 0;
        while (at < bytes.length && (phase === 'handshake' || phase === 'open')) {
          const record = recordAt(bytes, at, ownCidLength);
          if (record === undefined) {
            unread++;
            return;
          }
          at = record.end;
          takeRecord(record);
        }
      } catch (fault) {
        fail(fault);
      }
    },
    send(bytes) {
      if (phase !== 'open') throw new GatewayError('dtls.closed', 'the DTLS association is not open');
      const most = records.mostContent;
      if (bytes.length > most)
        throw new GatewayError('dtls.too-large', `a DTLS record carries ${most} bytes at most`);
      try {
        user.transmit(records.write(CONTENT.applicationData, 1, bytes));
      } catch (fault) {
        fail(fault);
        throw fault;
      }
    },
    close() {
      if (phase === 'open' || phase === 'handshake') sendAlert(WARNING, 'close_notify');
      end(undefined);
    },
    session: () => session && encodeSession(session),
    suspend() {
      const { state } = records;
      if (phase !== 'open' || state === undefined || state.peerCid.length === 0) return undefined;
      const binding = bindingOf(state.keys.client.key, options.relation);
      const saved = encodeConnection({ records: state, session, binding });
      end(undefined);
      return saved;
    },
  };
}
