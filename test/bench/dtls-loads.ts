/** What the client of the DTLS bench is asked to do, and what it says of it. */

export interface Target {
  readonly port: number;
  /** how the two sides know each other, a name in `test/dtls/scenes.ts`; absent: plain UDP */
  readonly way?: string;
  /** the CA that the server has its certificate from, DER in base64 */
  readonly root: string;
}

/** Payloads of {@link PAYLOAD} bytes: `up` go together, the last of which asks for `down` of them to come back. */
export interface Traffic {
  readonly up: number;
  readonly down: number;
}

export const PAYLOAD = 64;
/** Where a payload says of which group it is, and how often it wants to be sent back. */
export const GROUP_AT = 0;
export const ANSWERS_AT = 1;

/** What it took, by payload or handshake. */
export type Cost = {
  readonly perSecond: number;
  readonly cpuUs: number;
};

export interface HandshakeLoad extends Target {
  readonly seconds: number;
  /** Each goes on from the session of the one before. */
  readonly resumes: boolean;
}

export type HandshakeCost = Cost & { readonly handshakes: number };

/** kB for each of many that do nothing. */
export type IdleMemory = {
  readonly usedKb: number;
  readonly rssKb: number;
};

/** Key that the front of a scene shares with the gateway, in hex. */
export const FRONT_PSK = '000102030405060708090a0b0c0d0e0f';
