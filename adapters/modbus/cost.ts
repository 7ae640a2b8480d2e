/** What requests cost on a medium, in ms; enough to choose between one long and two short ones. */
export interface Medium {
  /** everything that a request costs however much it reads */
  readonly requestMs: number;
  readonly registerMs: number;
  readonly bitMs: number;
}

/** A round trip on a local network, and about what the answer takes a small device to put together. */
const TCP = { roundTripMs: 5, registerMs: 0.0185 };

/** @param pauseMs the pause that the connection keeps between requests */
export function tcpMedium(pauseMs: number): Medium {
  return {
    requestMs: TCP.roundTripMs + pauseMs,
    registerMs: TCP.registerMs,
    bitMs: TCP.registerMs / 16,
  };
}

/** Request and the fixed part of its answer in RTU framing: unit, function, address, count, checksum; byte count. */
const RTU_FIXED_CHARACTERS = 8 + 5;

/**
 * A serial line (Modbus over Serial Line 1.02 section 2.5.1).
 * @param bitsPerCharacter 11 with parity or two stop bits, else 10
 * @param turnaroundMs how long the device takes to begin its answer
 */
export function serialMedium(baud: number, bitsPerCharacter: number, turnaroundMs: number): Medium {
  const characterMs = (1000 * bitsPerCharacter) / baud;
  return {
    requestMs: RTU_FIXED_CHARACTERS * characterMs + turnaroundMs + 2 * silenceMs(baud, characterMs),
    registerMs: 2 * characterMs,
    bitMs: characterMs / 8,
  };
}

/** The silence between frames: 3.5 characters, fixed above 19200 Bd (the same section). */
function silenceMs(baud: number, characterMs: number): number {
  return baud > 19_200 ? 1.75 : 3.5 * characterMs;
}
