/** Numbers of the record layer (RFC 6347 4.1, RFC 9146 4). */
export const CONTENT = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  cid: 25,
} as const;

/** DTLS 1.2: the one's complement of 1.2 (RFC 6347 4.1). */
export const VERSION_1_2 = 0xfefd;

/** Most bytes of content in a record (RFC 5246 6.2.1), and what protection may add (RFC 5246 6.2.3). */
export const MAX_CONTENT = 2 ** 14;
export const MAX_EXPANSION = 2048;

/** Of handshake messages (RFC 5246 7.4, RFC 6347 4.3.2). */
export const HANDSHAKE = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  newSessionTicket: 4,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;
