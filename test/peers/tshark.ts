import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOnPath, run } from './process.ts';

/** Wireshark's dissectors of LwM2M TLV and of DTLS. */

export const tsharkInstallLine = 'apt-get install tshark';

export function tsharkAvailable(): boolean {
  return isOnPath('tshark');
}

/** A value as Wireshark found it in nested TLVs. */
export interface TsharkValue {
  /** ids from the outermost TLV in */
  readonly ids: readonly number[];
  readonly kinds: readonly TlvKind[];
  /** Absent: a container without anything in it. */
  readonly bytes?: Buffer;
  /** as whole number with and without sign, when it has the length of one */
  readonly integer?: bigint;
  readonly unsigned?: bigint;
}

export type TlvKind = 'object_instance' | 'resource' | 'resource_array' | 'resource_instance';

const KINDS: readonly TlvKind[] = ['object_instance', 'resource', 'resource_array', 'resource_instance'];

const RAW_IP = 101;
const TLV = [0x2d, 0x16]; // 11542

/** A UDP datagram from 127.0.0.1 to 127.0.0.1. */
interface Datagram {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
}

/** A capture file. */
function capture(datagrams: readonly Datagram[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(0x40000, 16);
  head.writeUInt32LE(RAW_IP, 20);
  return Buffer.concat([head, ...datagrams.flatMap(packet)]);
}

function packet({ from, to, bytes }: Datagram): Buffer[] {
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(from, 0);
  udp.writeUInt16BE(to, 2);
  udp.writeUInt16BE(udp.length + bytes.length, 4);
  const ip = Buffer.alloc(20);
  ip[0] = 0x45;
  ip.writeUInt16BE(ip.length + udp.length + bytes.length, 2);
  ip[8] = 64;
  ip[9] = 17;
  ip.set([127, 0, 0, 1], 12);
  ip.set([127, 0, 0, 1], 16);
  const header = Buffer.alloc(16);
  const size = ip.length + udp.length + bytes.length;
  header.writeUInt32LE(size, 8);
  header.writeUInt32LE(size, 12);
  return [header, ip, udp, Buffer.from(bytes)];
}

/** A CoAP response with a payload of TLV. */
function tlvResponse(payload: Uint8Array, messageId: number): Datagram {
  // Acknowledgement, 2.05, Content-Format
  const bytes = Buffer.from([0x60, 0x45, messageId >> 8, messageId & 0xff, 0xc2, ...TLV, 0xff, ...payload]);
  return { from: 5683, to: 40000, bytes };
}

/** A tree of fields, where those that repeat are lists. */
interface Fields {
  readonly [name: string]: string | Fields | readonly (string | Fields)[];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function childrenOf(fields: Fields, kind: TlvKind): Fields[] {
  const found = fields[`lwm2mtlv.${kind}`];
  return (Array.isArray(found) ? found : [found]).filter(isFields);
}

function whole(text: unknown): bigint | undefined {
  return typeof text === 'string' ? BigInt(text) : undefined;
}

function valuesIn(fields: Fields, above: Pick<TsharkValue, 'ids' | 'kinds'>): TsharkValue[] {
  return KINDS.flatMap((kind) =>
    childrenOf(fields, kind).flatMap((tlv): TsharkValue[] => {
      const header = tlv['lwm2mtlv.header'];
      const id = isFields(header) ? Number(header['lwm2mtlv.identifier']) : Number.NaN;
      const at = { ids: [...above.ids, id], kinds: [...above.kinds, kind] };
      if (kind === 'object_instance' || kind === 'resource_array') {
        const below = valuesIn(tlv, at);
        return below.length === 0 ? [at] : below;
      }
      const integer = whole(tlv['lwm2mtlv.value.integer']);
      const unsigned = whole(tlv['lwm2mtlv.value.unsigned_integer']);
      return [
        {
          ...at,
          bytes: Buffer.from(`${tlv['lwm2mtlv.value'] ?? ''}`.replaceAll(':', ''), 'hex'),
          ...(integer === undefined ? {} : { integer }),
          ...(unsigned === undefined ? {} : { unsigned }),
        },
      ];
    }),
  );
}

/** What Wireshark finds in each of these payloads, none of which may be empty. */
export async function dissectTlv(payloads: readonly Uint8Array[]): Promise<TsharkValue[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-tshark-'));
  try {
    const file = join(folder, 'tlv.pcap');
    await writeFile(file, capture(payloads.map((payload, index) => tlvResponse(payload, index + 1))));
    const args = ['-r', file, '-T', 'json', '--no-duplicate-keys', '-J', 'lwm2mtlv'];
    const { code, stdout, stderr } = await run('tshark', args, { deadlineMs: 30_000 });
    if (code !== 0) throw new Error(`tshark: ${stderr}`);
    const packets: { _source: { layers: { lwm2mtlv?: Fields } } }[] = JSON.parse(stdout);
    return packets.map(({ _source }) => valuesIn(_source.layers.lwm2mtlv ?? {}, { ids: [], kinds: [] }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What Wireshark makes of DTLS datagrams. */
export interface DtlsDissection {
  /** application data, decrypted */
  readonly data: readonly string[];
  /** what is malformed, or could not be decrypted */
  readonly complaints: readonly string[];
}

/** @param keyLog lines of an SSLKEYLOGFILE */
export async function dissectDtls(
  datagrams: readonly { readonly isUp: boolean; readonly bytes: Uint8Array }[],
  keyLog: readonly string[],
): Promise<DtlsDissection> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-tshark-'));
  try {
    const [file, keys] = [join(folder, 'dtls.pcap'), join(folder, 'keys.log')];
    const ports = (isUp: boolean) => (isUp ? { from: 40000, to: 5684 } : { from: 5684, to: 40000 });
    await writeFile(file, capture(datagrams.map(({ isUp, bytes }) => ({ ...ports(isUp), bytes }))));
    await writeFile(keys, keyLog.map((line) => `${line}\n`).join(''));
    const fields = ['data.data', '_ws.malformed', '_ws.expert.message', 'dtls.record.content_type'];
    const { code, stdout, stderr } = await run(
      'tshark',
      [
        ...[
          '-r',
          file,
          '-o',
          `tls.keylog_file:${keys}`,
          '-d',
          'udp.port==5684,dtls',
          '-d',
          'dtls.port==5684,data',
        ],
        ...['-T', 'fields', '-E', 'separator=|', ...fields.flatMap((field) => ['-e', field])],
      ],
      { deadlineMs: 30_000 },
    );
    if (code !== 0) throw new Error(`tshark: ${stderr}`);
    const rows = stdout.split('\n').map((line) => line.split('|'));
    return {
      data: rows.flatMap(([data]) => (data ? [Buffer.from(data, 'hex').toString()] : [])),
      complaints: rows.flatMap(([, ...complaints]) => complaints.slice(0, 2).filter((text) => text !== '')),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
