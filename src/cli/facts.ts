import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { formatFacts, type ObjectDefinition, readDdf } from '../model/index.ts';
import { type DefinitionFile, definitionFiles } from './definitions.ts';
import { describeError, EXIT, type Output } from './output.ts';

/** Objects have files named by their id; the registry also has files of other kinds. */
const OBJECT_FILE = /^\d/;
const COMMENT = /<!--[\s\S]*?-->/g;
const LICENCE = /licen[cs]e|redistribution|permission/i;

function isLicensed(text: string): boolean {
  return (text.match(COMMENT) ?? []).some((comment) => LICENCE.test(comment));
}

/** The facts of a registry, and what is to be told of its files. */
interface Gathered {
  readonly definitions: ReadonlyMap<string, ObjectDefinition>;
  readonly unlicensed: readonly string[];
  readonly faults: readonly string[];
}

function gather(files: readonly DefinitionFile[]): Gathered {
  const definitions = new Map<string, ObjectDefinition>();
  const unlicensed: string[] = [];
  const faults: string[] = [];
  for (const { file, text } of files) {
    if (!isLicensed(text)) {
      unlicensed.push(file);
      continue;
    }
    try {
      for (const definition of readDdf(text, file))
        definitions.set(`${definition.id} ${definition.version}`, definition);
    } catch (error) {
      faults.push(describeError(error));
    }
  }
  return { definitions, unlicensed, faults };
}

/**
 * `facts`: makes `oma-facts.ts` from a copy of the OMA registry. Files without a licence text are left out; nothing is
 * written when a file cannot be read.
 */
export async function facts(folder: string, target: string, out: Output): Promise<number> {
  const files = await definitionFiles(folder);
  const { definitions, unlicensed, faults } = gather(
    files.filter(({ file }) => OBJECT_FILE.test(basename(file))),
  );
  for (const fault of faults) out.complain(fault);
  if (faults.length > 0) return EXIT.failed;
  await writeFile(target, formatFacts([...definitions.values()]));
  for (const file of unlicensed) out.print(`${file} has no licence text: left out`);
  out.print(`${definitions.size} definitions written to ${target}`);
  return EXIT.ok;
}
