import { type Block, blockValue } from './block.ts';
import { RESPONSE_CODES } from './code.ts';
import { type MessageToSend, NO_BYTES } from './message.ts';
import { OptionNumber, type OptionToSend, sendable } from './option.ts';
import type { CoapResponse } from './request.ts';

/** What the layer itself adds to the response of a handler. */
export interface Additions {
  readonly observe?: number | undefined;
  readonly block1?: Block | undefined;
  readonly block2?: Block | undefined;
  readonly size2?: number | undefined;
  readonly etag?: Uint8Array | undefined;
}

const NOTHING: Additions = {};

/**
 * A response as a message.
 * @param payload instead of the whole one of the response
 * @throws GatewayError `coap.bad-request`
 */
export function writeResponse(
  response: CoapResponse,
  token: Uint8Array,
  additions: Additions = NOTHING,
  payload: Uint8Array = response.payload ?? NO_BYTES,
): MessageToSend {
  return {
    code: RESPONSE_CODES[response.code],
    token,
    options: writeOptions(response, additions),
    payload,
  };
}

/** In the order of their numbers, but for those of the handler. */
function writeOptions(response: CoapResponse, additions: Additions): OptionToSend[] {
  const { etag, observe, block2, block1, size2 } = additions;
  const { location, contentFormat, maxAgeS, options: others } = response;
  const options: OptionToSend[] = [];
  if (etag !== undefined) options.push({ number: OptionNumber.etag, value: etag });
  if (observe !== undefined) options.push({ number: OptionNumber.observe, value: observe });
  if (location !== undefined)
    for (const segment of location)
      options.push(sendable({ number: OptionNumber.locationPath, value: segment }));
  if (contentFormat !== undefined)
    options.push(sendable({ number: OptionNumber.contentFormat, value: contentFormat }));
  if (maxAgeS !== undefined) options.push(sendable({ number: OptionNumber.maxAge, value: maxAgeS }));
  if (block2 !== undefined) options.push({ number: OptionNumber.block2, value: blockValue(block2) });
  if (block1 !== undefined) options.push({ number: OptionNumber.block1, value: blockValue(block1) });
  if (size2 !== undefined) options.push({ number: OptionNumber.size2, value: size2 });
  if (others !== undefined) for (const option of others) options.push(sendable(option));
  return options;
}
