/** What a {@link GatewayError} may carry beside its message. */
export interface ErrorDetail {
  readonly cause?: unknown;
  /** Facts for logs and callers; never secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * Broken input or a broken program. Expected outcomes are values, not errors.
 * `code` is stable and reads `room.what`; the list stands in `src/README.md`.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: string;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: string, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.data = detail.data;
  }
}

/** True for a {@link GatewayError}, of that code when one is given. */
export function isGatewayError(error: unknown, code?: string): error is GatewayError {
  return error instanceof GatewayError && (code === undefined || error.code === code);
}

/** The one-line text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
