import { GatewayError } from '../base/index.ts';

/** One link of the CoRE link format (RFC 6690 2). A parameter without a value is `true`. */
export interface Link {
  readonly target: string;
  readonly params: Readonly<Record<string, string | number | bigint | true>>;
}

/** Texts that are written without quotes: numbers, versions and the like. */
const BARE = /^[0-9.+-]+$/;

/** `</25>;ver=2.0,</25/0>`: no white space, numbers bare, texts quoted (servers parse strictly). */
export function formatLinks(links: readonly Link[]): string {
  return links
    .map(({ target, params }) => {
      let text = `<${target}>`;
      for (const [name, value] of Object.entries(params)) {
        if (value === true) text += `;${name}`;
        else if (typeof value !== 'string' || BARE.test(value)) text += `;${name}=${value}`;
        else text += `;${name}="${value}"`;
      }
      return text;
    })
    .join(',');
}

const LINK = /\s*<([^<>]*)>((?:\s*;\s*[^\s=;,"]+(?:=(?:"[^"]*"|[^;,"\s]*))?)*)\s*(,|$)/y;
const PARAM = /;\s*([^\s=;,"]+)(?:=(?:"([^"]*)"|([^;,"\s]*)))?/g;

/**
 * Reads a list of links; values stay text. Tolerates white space after `,` and `;`.
 * @throws GatewayError `model.bad-link`
 */
export function parseLinks(text: string): Link[] {
  const links: Link[] = [];
  if (text.trim() === '') return links;
  LINK.lastIndex = 0;
  for (let more = true; more; ) {
    const from = LINK.lastIndex;
    const match = LINK.exec(text);
    if (match === null) {
      throw new GatewayError('model.bad-link', `not a CoRE link at character ${from}`);
    }
    const params: Record<string, string | true> = Object.create(null);
    for (const [, name = '', quoted, bare] of (match[2] ?? '').matchAll(PARAM)) {
      params[name] = quoted ?? bare ?? true;
    }
    links.push({ target: match[1] ?? '', params });
    more = match[3] === ',';
  }
  return links;
}
