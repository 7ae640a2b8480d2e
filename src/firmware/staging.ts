import { existsSync, rmSync, statfsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Why a package could not be kept: no room for it, or the disk fails. */
export type StagingFault = 'no-space' | 'failed';

/** A package that is being written. */
export interface Staging {
  /** Takes the next bytes. A fault ends it: what comes then is ignored, and `finish` says so again. */
  write(chunk: Uint8Array): Promise<StagingFault | undefined>;
  /** All is there: it is on the disk for good, or not at all. */
  finish(): Promise<StagingFault | undefined>;
  /** Throws away what was written. */
  abort(): Promise<void>;
}

/** Where one package at a time is kept; what is there is whole. */
export interface StagingFile {
  readonly path: string;
  readonly exists: boolean;
  /**
   * Begins a package, in place of the one before.
   * @param size in bytes, as far as it is known
   */
  begin(size: number | undefined): Staging;
  discard(): void;
}

export interface StagingLimits {
  /** of one package */
  readonly mostBytes: number;
  /** what has to stay free on the disk, for everything else that lives there */
  readonly spareBytes: number;
}

function faultOf(error: unknown): StagingFault {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' ? 'no-space' : 'failed';
}

/** Bytes that ordinary processes can still write below a folder; undefined where that cannot be known. */
function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

export function openStaging(path: string, { mostBytes, spareBytes }: StagingLimits): StagingFile {
  const beside = `${path}.part`;

  const begin = (size: number | undefined): Staging => {
    let fault: StagingFault | undefined;
    let written = 0;
    const hasRoom = (bytes: number): boolean => {
      const free = freeBytes(dirname(path));
      return bytes <= mostBytes && (free === undefined || bytes - written + spareBytes <= free);
    };
    const opened = (async () => {
      await mkdir(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      if (size !== undefined && !hasRoom(size)) throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
      return open(beside, 'w', 0o600);
    })();
    /** Work is done in order, and not at all after a fault. */
    let last: Promise<void> = opened.then(
      () => {},
      (error: unknown) => {
        fault = faultOf(error);
      },
    );
    const then = (
      work: (handle: Awaited<typeof opened>) => Promise<void>,
    ): Promise<StagingFault | undefined> => {
      last = last.then(async () => {
        if (fault !== undefined) return;
        try {
          await work(await opened);
        } catch (error) {
          fault = faultOf(error);
        }
      });
      return last.then(() => fault);
    };
    const close = async (): Promise<void> => {
      await opened.then(
        (handle) => handle.close().catch(() => {}),
        () => {},
      );
    };
    // What could not be written cannot always be removed either.
    const forget = (): Promise<void> => rm(beside, { force: true }).catch(() => {});
    return {
      write: (chunk) =>
        then(async (handle) => {
          if (!hasRoom(written + chunk.length)) throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
          await handle.writeFile(chunk);
          written += chunk.length;
        }),
      async finish() {
        await then((handle) => handle.sync());
        await close();
        if (fault === undefined) await rename(beside, path);
        else await forget();
        return fault;
      },
      async abort() {
        await last;
        await close();
        await forget();
      },
    };
  };

  return {
    path,
    get exists() {
      return existsSync(path);
    },
    begin,
    discard() {
      rmSync(path, { force: true });
    },
  };
}
