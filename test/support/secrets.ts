/** Fewer bytes than these may stand somewhere by chance. */
const LEAST = 12;

/** How bytes could look in a text: in hex, in base64 wherever they begin, as lists of numbers, and as they are. */
function disguisesOf(secret: Buffer): string[] {
  const hex = secret.toString('hex');
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), secret]).toString('base64');
    // What depends on the neighbours is left out.
    return text.slice(Math.ceil((before * 4) / 3), -4);
  });
  const numbers = [...secret];
  return [
    hex,
    hex.toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    numbers.join(','),
    numbers.join(', '),
    numbers.map((byte, at) => `"${at}":${byte}`).join(','),
    secret.toString('latin1'),
  ];
}

/** The secrets, or long pieces of them, that a text gives away in any disguise. */
export function leaksIn(text: string | Buffer, secrets: readonly Buffer[]): string[] {
  const where = typeof text === 'string' ? text : text.toString('latin1');
  const pieces = secrets.flatMap((secret) => [secret, secret.subarray(0, 16), secret.subarray(-16)]);
  return pieces
    .filter(({ length }) => length >= LEAST)
    .flatMap(disguisesOf)
    .filter((disguise) => where.includes(disguise));
}
