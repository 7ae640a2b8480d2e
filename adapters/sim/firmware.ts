import { open } from 'node:fs/promises';
import type { FirmwareImage, FirmwareResult } from 'lwm2m-gateway/adapter';

/** How a package for a simulated device begins; its version and the end of the line follow. */
const MARK = 'lwm2m-gateway-sim ';
const LONGEST_HEAD = 256;

/** The version in a package, or why it is none for a simulated device. Never rejects. */
export async function readPackage(
  image: FirmwareImage,
): Promise<{ readonly version: string } | (FirmwareResult & { readonly status: 'failed' })> {
  const head = Buffer.alloc(LONGEST_HEAD);
  try {
    const file = await open(image.file, 'r');
    const { bytesRead } = await file.read(head, 0, LONGEST_HEAD, 0).finally(() => file.close());
    const [line = ''] = head.toString('utf8', 0, bytesRead).split('\n');
    if (!line.startsWith(MARK))
      return { status: 'failed', cause: 'package-type', message: 'it is not for a simulated device' };
    const version = line.slice(MARK.length);
    return version === ''
      ? { status: 'failed', cause: 'integrity', message: 'it has no version' }
      : { version };
  } catch (error) {
    return { status: 'failed', cause: 'failed', message: String(error) };
  }
}
