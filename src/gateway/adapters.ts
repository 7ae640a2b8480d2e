import { readdir } from 'node:fs/promises';
import type { AdapterModule } from '../adapter/index.ts';
import { GatewayError, messageOf } from '../base/index.ts';

/** The folder of built-in adapters, from the source tree and from the build alike. */
const BUILT_IN = new URL('../../adapters/', import.meta.url);
const ENTRY = import.meta.url.endsWith('.ts') ? 'index.ts' : 'index.js';

function isAdapterModule(value: unknown): value is AdapterModule {
  if (typeof value !== 'object' || value === null) return false;
  const { name, schemas, open, check, load } = value as Partial<AdapterModule>;
  return (
    typeof name === 'string' &&
    typeof schemas === 'object' &&
    typeof open === 'function' &&
    typeof check === 'function' &&
    typeof load === 'function'
  );
}

async function loadAdapter(specifier: string): Promise<AdapterModule> {
  try {
    const { default: adapter }: { default?: unknown } = await import(specifier);
    if (isAdapterModule(adapter)) return adapter;
  } catch (error) {
    throw new GatewayError(
      'gateway.bad-adapter',
      `adapter ${specifier} cannot be loaded: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  throw new GatewayError('gateway.bad-adapter', `${specifier} has no adapter as its default export`);
}

/**
 * The built-in adapters and those of the named npm packages, by protocol. A package may take the place of a
 * built-in one. @throws GatewayError `gateway.bad-adapter`
 */
export async function loadAdapters(
  packages: readonly string[] = [],
): Promise<ReadonlyMap<string, AdapterModule>> {
  const folders = (await readdir(BUILT_IN, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const builtIn = folders.map(({ name }) => new URL(`${name}/${ENTRY}`, BUILT_IN).href).sort();
  const adapters = await Promise.all([...builtIn, ...packages].map(loadAdapter));
  return new Map(adapters.map((adapter) => [adapter.name, adapter]));
}
