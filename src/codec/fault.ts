import { GatewayError } from '../base/index.ts';

/** What can be wrong with a payload, or with the wish to make one; the codes are `codec.<fault>`. */
export type Fault =
  /** not what the format allows */
  | 'malformed'
  /** it ends too early, or says that it is longer than it is */
  | 'truncated'
  /** nested deeper than anything in LwM2M */
  | 'too-deep'
  /** a name that does not lie at or below the path of the request */
  | 'outside-base'
  /** the same thing said twice */
  | 'duplicate'
  /** a value that is none of the resource's type */
  | 'type-mismatch'
  /** the format cannot say it */
  | 'not-representable'
  /** the format has no such payload */
  | 'unsupported-format';

export function fault(what: Fault, message: string, cause?: unknown): GatewayError {
  return new GatewayError(`codec.${what}`, message, cause === undefined ? {} : { cause });
}
