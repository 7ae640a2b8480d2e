/** Reads holding registers; undefined when the device does not have them. */
type ReadHolding = (address: number, count: number) => Promise<Buffer | undefined>;

/** Where a device may say that it speaks SunSpec (SunSpec Device Information Model 1.1 section 6.2). */
const BASES = [40_000, 50_000, 0];
const MARKER = 'SunS';
const END_MODEL = 0xffff;
const MOST_MODELS = 64;

/**
 * The models of a SunSpec device and the addresses of their headers, on one line; undefined when it is none. Each
 * model begins with its number and its length, and the next one stands behind it.
 */
export async function sunSpecModels(read: ReadHolding): Promise<string | undefined> {
  for (const base of BASES) {
    const marker = await read(base, 2);
    if (marker?.toString('latin1') !== MARKER) continue;
    const models: string[] = [];
    let at = base + 2;
    while (models.length < MOST_MODELS) {
      const header = await read(at, 2);
      if (header === undefined || header.readUInt16BE(0) === END_MODEL) break;
      models.push(`${header.readUInt16BE(0)} at ${at}`);
      at += 2 + header.readUInt16BE(2);
    }
    return `SunSpec from ${base}, models ${models.join(', ')}`;
  }
  return undefined;
}
