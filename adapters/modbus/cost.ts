/** What requests cost on a medium, in ms; enough to choose between one long and two short ones. */
export interface Medium {
  /** everything that a request costs however much it reads */
  readonly requestMs: number;
  /** the part of it that the device and the way to it take: assumed, until it is measured */
  readonly latencyMs: number;
  /** Less than this a request never costs, whatever is measured: we have work with it, too. */
  readonly leastLatencyMs: number;
  readonly registerMs: number;
  readonly bitMs: number;
}

/** The same medium with a device of this latency. */
export function atLatency(medium: Medium, latencyMs: number): Medium {
  return { ...medium, requestMs: medium.requestMs - medium.latencyMs + latencyMs, latencyMs };
}

/** A round trip on a local network, and about what the answer takes a small device to put together. */
const TCP = { roundTripMs: 5, registerMs: 0.0185 };

/** @param pauseMs the pause that the connection keeps between requests */
export function tcpMedium(pauseMs: number): Medium {
  return {
    requestMs: TCP.roundTripMs + pauseMs,
    latencyMs: TCP.roundTripMs,
    leastLatencyMs: TCP.roundTripMs,
    registerMs: TCP.registerMs,
    bitMs: TCP.registerMs / 16,
  };
}

/** How many characters a framing needs for a read. */
export interface LineShape {
  /** request, and the fixed part of its answer: unit, function, address, count; byte count; checksums */
  readonly fixed: number;
  readonly perRegister: number;
}

export const RTU_SHAPE: LineShape = { fixed: 8 + 5, perRegister: 2 };
export const ASCII_SHAPE: LineShape = { fixed: 17 + 11, perRegister: 4 };

/** What a device on a serial line takes to begin its answer, until it is measured. */
export const ASSUMED_TURNAROUND_MS = 30;

const LEAST_TURNAROUND_MS = 2;

export interface LineTiming {
  readonly characterMs: number;
  /** around a request: before it, and before the device answers */
  readonly silenceMs: number;
}

/** A serial line (Modbus over Serial Line 1.02 section 2.5). */
export function lineMedium(
  { fixed, perRegister }: LineShape,
  { characterMs, silenceMs }: LineTiming,
  latencyMs = ASSUMED_TURNAROUND_MS,
): Medium {
  return {
    requestMs: fixed * characterMs + 2 * silenceMs + latencyMs,
    latencyMs,
    leastLatencyMs: LEAST_TURNAROUND_MS,
    registerMs: perRegister * characterMs,
    bitMs: (perRegister * characterMs) / 16,
  };
}

/** The silence between frames: 3.5 characters, fixed above 19200 Bd (section 2.5.1.1). */
export function silenceMs(baud: number, characterMs: number): number {
  return baud > 19_200 ? 1.75 : 3.5 * characterMs;
}
