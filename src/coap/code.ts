/** Request codes (RFC 7252 12.1.1, RFC 8132 8). */
export const METHOD_CODES = { GET: 1, POST: 2, PUT: 3, DELETE: 4, FETCH: 5, PATCH: 6, iPATCH: 7 } as const;

export type Method = keyof typeof METHOD_CODES;

/** by their codes */
const METHODS: readonly (Method | undefined)[] = [undefined, ...(Object.keys(METHOD_CODES) as Method[])];

/** The method of a request code; undefined for one that nobody has defined. */
export function methodOf(code: number): Method | undefined {
  return METHODS[code];
}

/** Response codes as the byte on the wire: class * 32 + detail (RFC 7252 12.1.2, 7959 6, 8132 6, 8516 4, 8768 6). */
export const RESPONSE_CODES = {
  '2.01': 0x41,
  '2.02': 0x42,
  '2.03': 0x43,
  '2.04': 0x44,
  '2.05': 0x45,
  '2.31': 0x5f,
  '4.00': 0x80,
  '4.01': 0x81,
  '4.02': 0x82,
  '4.03': 0x83,
  '4.04': 0x84,
  '4.05': 0x85,
  '4.06': 0x86,
  '4.08': 0x88,
  '4.09': 0x89,
  '4.12': 0x8c,
  '4.13': 0x8d,
  '4.15': 0x8f,
  '4.22': 0x96,
  '4.29': 0x9d,
  '5.00': 0xa0,
  '5.01': 0xa1,
  '5.02': 0xa2,
  '5.03': 0xa3,
  '5.04': 0xa4,
  '5.05': 0xa5,
  '5.08': 0xa8,
} as const;

/** A code to answer with, as people write it. */
export type ResponseCode = keyof typeof RESPONSE_CODES;

/** The code of an empty message (RFC 7252 4.1). */
export const EMPTY_CODE = 0;

/** 0 = request, 2 = success, 4 = client error, 5 = server error; the others are reserved or signalling. */
export function classOf(code: number): number {
  return code >> 5;
}

export function isSuccess(code: number): boolean {
  return classOf(code) === 2;
}

export function isRequest(code: number): boolean {
  return classOf(code) === 0 && code !== EMPTY_CODE;
}

/** Whether a request only asks (RFC 7252 5.1, RFC 8132 2). */
export function isSafe(code: number): boolean {
  return code === METHOD_CODES.GET || code === METHOD_CODES.FETCH;
}

export function isResponse(code: number): boolean {
  const codeClass = classOf(code);
  return codeClass >= 2 && codeClass <= 5;
}

const CODE_TEXTS: readonly string[] = Array.from(
  { length: 256 },
  (_, code) => `${classOf(code)}.${String(code & 31).padStart(2, '0')}`,
);

/** `2.05` for the byte 0x45. */
export function formatCode(code: number): string {
  return CODE_TEXTS[code] ?? '';
}
