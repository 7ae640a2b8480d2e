import type { Clock } from '../base/index.ts';
import type { Resumption } from '../binding/index.ts';
import type { ServerUri } from '../model/index.ts';
import type { StateFile } from '../store/index.ts';
import { type DamageReport, loadMended } from './mended.ts';

const SCHEMA = 1;

/**
 * How long servers are expected to keep what belongs to a connection id of which they hear nothing, and how old a copy
 * of the state folder may be that does harm: a connection that is used twice breaks its encryption (RFC 5288 6.1).
 */
const CONNECTION_LIFE_MS = 10 * 60_000;

/** What an association leaves over a planned restart. Secret; the file is its owner's only. */
export interface KeptAssociation {
  /** Moves it from the disk into `resumption`, for as long as it is good. Once; without a way to remove it, it is not used. */
  take(resumption: Resumption): Promise<void>;
  keep(resumption: Resumption): Promise<void>;
}

interface Kept {
  readonly schema: number;
  readonly server: string;
  /** wall time, ms */
  readonly at: number;
  /** base64 */
  readonly session?: string;
  readonly connection?: string;
}

const NOTHING: Partial<Kept> = {};

export interface KeptAssociationPorts extends DamageReport {
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * What is kept of another server is passed over. What was agreed on with other credentials is, too, where it is used:
 * it is bound to them by a key that only it holds, so that no digest of a secret need be on the disk.
 */
export function keepAssociation(
  file: StateFile,
  { scheme, host, port }: ServerUri,
  ports: KeptAssociationPorts,
): KeptAssociation {
  const server = `${scheme}://${host}:${port}`;
  return {
    async take(resumption) {
      const kept = loadMended(file, (document) => (document ?? NOTHING) as Partial<Kept>, NOTHING, ports);
      if (kept.schema === undefined) return;
      await file.save(NOTHING);
      if (kept.schema !== SCHEMA || kept.server !== server) return;
      const age = ports.clock.now() - Number(kept.at);
      if (kept.session !== undefined) resumption.session = Buffer.from(kept.session, 'base64');
      if (kept.connection !== undefined && age >= 0 && age < CONNECTION_LIFE_MS)
        resumption.connection = Buffer.from(kept.connection, 'base64');
    },
    async keep({ session, connection }) {
      if (session === undefined && connection === undefined) return;
      await file.save({
        schema: SCHEMA,
        server,
        at: ports.clock.now(),
        session: session?.toString('base64'),
        connection: connection?.toString('base64'),
      });
    },
  };
}
