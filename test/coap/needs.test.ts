import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * What other implementations got wrong when we looked for one, or what a rule of ours answers: the need, and the test that
 * shows the result that the RFC wants. A title, or its beginning, stands in a file of this folder.
 */
const NEEDS: readonly (readonly [need: string, title: string])[] = [
  ['both roles on one transport', 'bodies of 0 to 6 kB up, down and both ways'],
  ['ping', 'a ping is answered with a reset (RFC 7252 4.3)'],
  [
    'one row of message ids for all roles',
    'requests, notifications and separate responses to one peer share one row',
  ],
  ['no id twice while it is in use', 'one that waits for its acknowledgement is not used again'],
  ['no id twice in its lifetime', 'each comes once before any comes again'],
  ['a reset only from the right peer', 'a reset from the peer ends it; one from a stranger'],
  [
    'a response only from the right peer',
    'a response of a stranger, or in an acknowledgement with another token',
  ],
  ['duplicates of all kinds', 'a duplicate of one still being worked on is dropped'],
  ['exactly once', 'twice: the handler runs once, and the same bytes are sent again (RFC 7252 4.5)'],
  ['the memory for duplicates ages', 'is known again for EXCHANGE_LIFETIME at least'],
  ['the memory for duplicates is bounded', 'the memory for duplicates is bounded per peer'],
  ['methods', 'each method goes both ways'],
  ['content formats', 'content formats are numbers both ways'],
  ['repeated and binary options', 'options come as bytes, also repeated ones'],
  ['odd path segments', 'comes to the handler with path, query, formats and payload'],
  ['No-Response', 'a class that is not wanted is not sent'],
  ['4.02', 'an unknown critical option is refused with 4.02'],
  [
    '4.02 is silent without confirmation',
    'without confirmation an unknown critical option is met with silence',
  ],
  ['5.05', 'Proxy-Uri is refused with 5.05'],
  ['4.05', '(RFC 7252 5.8): 4.05'],
  [
    'a critical option in a response',
    'a response with an unknown critical option is rejected (RFC 7252 5.4.1)',
  ],
  ['token lengths', 'tokens of 0 to 8 bytes come back as they came'],
  ['format errors', 'a message format error is none of our messages'],
  ['malformed and confirmable: reset', 'a malformed confirmable message is rejected'],
  ['malformed otherwise: silence', 'a malformed one that is not confirmable is passed over'],
  ['the kind of each notification', 'tells in the way that is chosen each time'],
  ['a reset cancels', 'ends with a reset to a notification of type %i (RFC 7641 4.5)'],
  ['nobody acknowledges', 'ends when nobody acknowledges a notification (RFC 7641 4.5)'],
  [
    'one confirmable notification under way',
    'has one confirmable notification under way; the newest state waits',
  ],
  ['a newer state instead of the old one', 'a newer state takes the place of one that is not acknowledged'],
  ['confirmable once a day', 'is confirmed at least once in 24 hours'],
  ['observing by FETCH', 'can be opened by FETCH, but not by another method'],
  ['Observe=1', 'ends with Observe=1, and the request is answered as any other (RFC 7641 3.6)'],
  ['Observe=1 by FETCH', 'FETCH with Observe=1 ends it as well'],
  ['the same token again', 'is replaced by a new one with the same token, and the numbers go on'],
  ['a slow first answer', 'a slow first answer is separate, and its reset ends the relation'],
  ['an error ends', 'ends with a notification that is no success'],
  ['not observable', 'a handler that does not notify answers without Observe'],
  ['a large notification', 'tells a large state by its first block and an ETag'],
  ['its block size', 'keeps to the block size that was asked for when it was opened (RFC 7959 2.6)'],
  ['uploads with a token for each block', 'is whole for the handler, whatever token each block has'],
  ['uploads with one token for all', 'one token for all blocks, and on two places, mixes nothing'],
  ['all block sizes', 'in blocks of %i bytes'],
  ['4.08', 'a gap is answered with 4.08, and the missing block can still come'],
  ['4.13 with Size1', 'a body that is too large is refused with 4.13 and the limit'],
  ['the reserved block size', 'the reserved size exponent 7'],
  ['a zero-length Block1', 'a body in one block is passed on at once; a zero-length Block1 is 0/0/16'],
  ['early negotiation', 'blocks of the size that the first request asks for'],
  ['a body in memory is not asked for', 'taken as it comes'],
  ['later blocks of one body', 'a later block that is not kept any more'],
  ['answers do not mix', 'two FETCHes of one place with different payloads do not mix (RFC 8132 2)'],
  ['our uploads', 'a large body is sent block by block, with Size1'],
  ['our uploads after 4.08', 'it begins anew after 4.08, twice at most (RFC 7959 2.9.2)'],
  ['our uploads after 4.13', 'it begins anew with smaller blocks if 4.13 asks for them (RFC 7959 2.9.3)'],
  ['our uploads against nonsense', '2.31 without Block1'],
  ['our downloads', 'a large answer is fetched block by block, and is whole (RFC 7959 2.4)'],
  ['our downloads of what changes', 'a representation that changes is fetched anew'],
  ['our downloads against nonsense', 'another block than asked for'],
  ['a Block option of 4 bytes', 'a Block option of 4 bytes is none that we know'],
  ['back-off', 'is sent again after 2, 4, 8 and 16 s'],
  ['parameters of each endpoint', 'keeps to other parameters, and all times follow from them'],
  ['giving up in time', 'gives up after MAX_TRANSMIT_WAIT at most'],
  [
    'a deadline after the empty acknowledgement',
    'after an empty acknowledgement the response still has a deadline',
  ],
  [
    'a repeated separate response',
    'it waits for a separate response, and acknowledges that (RFC 7252 5.2.2)',
  ],
  ['NSTART', 'no more than NSTART are under way; the rest waits in order'],
  ['requests first', 'requests of ours go before notifications that wait'],
  ['anything may arrive', '%s: nothing is thrown, state stays bounded, one timer'],
  ['fresh requests', 'is answered with 4.01 and Echo, and done when it repeats the value'],
  ['uploads side by side', 'with Request-Tags go on side by side, and do not mix (RFC 9175 3.3)'],
];

/** The same for streams (RFC 8323), and for what carries both. */
const STREAM_NEEDS: readonly (readonly [need: string, title: string])[] = [
  ['one suite over both', "describe.each(CARRIERS)('over %s'"],
  ['forms of a length', "describe('a message in a stream (RFC 8323 3.2)'"],
  ['cut anywhere', 'any messages, cut anywhere, are the same messages'],
  ['anything may arrive', "'mutated pieces of streams'"],
  ['our CSM', 'come first from our side, without waiting for the other'],
  ['the CSM of the peer', 'of the peer are waited for before anything is asked'],
  ['no CSM', 'that do not come in time are a fault'],
  ['Max-Message-Size of the peer', 'is never exceeded: what cannot be made to fit is not sent'],
  ['Max-Message-Size of ours', 'what we take is larger than what we announced: abort'],
  ['several blocks in a message', 'is put together, and each is acknowledged with its number'],
  ['Ping and Pong', 'ours is answered by the pong with its token, or fails in time'],
  ['a silent peer', 'a peer that is silent for long is asked, and given up if it stays so'],
  ['Release', 'Release: what is under way is finished, nothing is begun'],
  ['Abort', 'Abort: it is closed at once, even as the first word'],
  ['a lost connection', 'ends all that was asked and observed, there and here'],
  ['nothing left of it', 'leaves nothing of what only its peer could have asked for'],
  ['a peer that reads nothing', 'is not listened to until it does'],
  ['Observe=1', 'end with Observe=1 (RFC 8323 7.4)'],
  ['notifications in order', 'order is the order of arrival, whatever the numbers say (RFC 8323 7.1)'],
  ['libcoap over TCP and TLS asks', 'libcoap asks our server over $scheme'],
  ['libcoap over TCP and TLS is asked', 'our client asks libcoap over $scheme'],
  ['a shared key', "describe('TLS with a shared key'"],
  ['certificates', 'TLS with certificates'],
  ['IPv4 and IPv6', 'without a host it hears IPv6 and IPv4'],
  ['a name with several addresses', 'each attempt begins with another address of the name'],
  ['a name that moves', 'a name is asked again for each opening'],
  ['ICMP', 'sees a refused port as an error about its peer, and goes on'],
  ['a fixed port', 'sends from the port that is asked for'],
  ['usable alone', 'a server with a resource to observe, and a client that reads and observes it'],
];

const tests = [import.meta.dirname, join(import.meta.dirname, '../transport')]
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.test.ts') && !path.endsWith('needs.test.ts'))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

test('every need has its test', () => {
  expect([...NEEDS, ...STREAM_NEEDS].filter(([, title]) => !tests.includes(title))).toEqual([]);
});
