import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isExecutable, isOnPath } from './process.ts';

const PREPARED = fileURLToPath(new URL('../../.cache/pymodbus/bin/python', import.meta.url));
const found = new Map<string, string | undefined>();

/** The interpreter that has a module, searched for once: the one that `.ci/run` prepares, else the system's. */
export function pythonWith(module: string): string | undefined {
  if (!found.has(module))
    found.set(
      module,
      [PREPARED, 'python3'].find((interpreter) => canImport(interpreter, module)),
    );
  return found.get(module);
}

function canImport(interpreter: string, module: string): boolean {
  if (!isOnPath(interpreter) && !isExecutable(interpreter)) return false;
  return spawnSync(interpreter, ['-c', `import ${module}`], { timeout: 10_000 }).status === 0;
}
