const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads one more text. @returns false if it is none */
export function addText(texts: string[], value: Uint8Array): boolean {
  const text = readText(value);
  if (text !== undefined) texts.push(text);
  return text !== undefined;
}

/** UTF-8 as text; undefined if it is none, since a made-up character would name another resource. */
function readText(value: Uint8Array): string | undefined {
  let text = '';
  for (const byte of value) {
    if (byte >= 0x80) return readBeyondAscii(value);
    text += String.fromCharCode(byte);
  }
  return text;
}

function readBeyondAscii(value: Uint8Array): string | undefined {
  try {
    return utf8.decode(value);
  } catch {
    return undefined;
  }
}

/** Bytes as a text with one character per byte, to be part of a map key. */
export function byteText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
