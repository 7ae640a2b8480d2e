import { type Arguments, askControl } from '../control/index.ts';
import { describeError, EXIT, type Output } from './output.ts';

/** Where a running gateway takes orders, below its state folder. */
export const CONTROL_SOCKET = 'control.sock';

/** What every command has that speaks with a running gateway. */
export interface OrderOptions {
  /** state folder of the gateway */
  readonly state: string;
  readonly json: boolean;
}

/**
 * Gives a running gateway an order and prints what it answers.
 * @param show the answer for people; `--json` prints it as it came
 */
export async function order(
  command: string,
  given: Arguments,
  { state, json }: OrderOptions,
  show: (answer: unknown) => string,
  out: Output,
): Promise<number> {
  try {
    const answer = await askControl(`${state}/${CONTROL_SOCKET}`, command, given);
    out.print(json ? JSON.stringify(answer) : show(answer));
    return EXIT.ok;
  } catch (error) {
    out.complain(describeError(error));
    return EXIT.failed;
  }
}
