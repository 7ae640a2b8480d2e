import { jsonSchema } from '../config/index.ts';
import { loadAdapters } from '../gateway/index.ts';
import { EXIT, type Output } from './output.ts';

/** `schema`: JSON Schema with all built-in field protocols. */
export async function schema(kind: string, out: Output): Promise<number> {
  if (kind !== 'gateway' && kind !== 'profile') {
    out.complain(`there is no schema ${JSON.stringify(kind)}, only gateway and profile`);
    return EXIT.failed;
  }
  const keys = new Map([...(await loadAdapters())].map(([name, { schemas }]) => [name, schemas]));
  out.print(JSON.stringify(jsonSchema(keys)[kind], null, 2));
  return EXIT.ok;
}
