/** One step of CRC-16/MODBUS for every byte (Modbus over Serial Line 1.02 section 6.2.2). */
const STEPS = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** CRC-16/MODBUS of the first `length` bytes; on the wire the low byte goes first. */
export function crc16(bytes: Uint8Array, length: number): number {
  let crc = 0xffff;
  for (let at = 0; at < length; at++) crc = (crc >> 8) ^ (STEPS[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  return crc;
}
