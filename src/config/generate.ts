import { check } from './check.ts';
import { generate } from './device-schema.ts';
import type { Faults } from './fault.ts';
import { childOf, type Node, overlay, show, without } from './node.ts';
import { countOut, typePlain } from './scalar.ts';

/** Keys of `generate` that are texts, whatever they look like. */
const TEXTS = new Set(['id', 'deviceId', 'prefix', 'location']);

/** A device with `generate`, spelled out: its keys, and those of `generate` with the templates counted out. */
export function generated(node: Node, faults: Faults): Node[] {
  const source = childOf(node, 'generate');
  if (node.kind !== 'map' || source === undefined) return [];
  if (source.kind !== 'map') {
    faults.add(
      source.place,
      `${show(source)} is not allowed; allowed: a map with count, id and keys that differ`,
    );
    return [];
  }
  const templates = without(source, Object.keys(generate.shape));
  const own = without(node, ['generate']);
  for (const [key, { key: place }] of templates.entries)
    if (node.entries.has(key)) faults.add(place, `'${key}' is given twice: in generate and beside it`);
  const checked = check(generate, without(source, [...templates.entries.keys()]), faults);
  if (checked === undefined) return [];
  return Array.from({ length: checked.count }, (_, index) =>
    overlay(own, countedOut(templates, '', checked.from + index, faults)),
  );
}

/** A node with `{n}` and its like counted out in every text. */
function countedOut(node: Node, key: string, n: number, faults: Faults): Node {
  if (node.kind === 'map') {
    const entries = [...node.entries].map(
      ([name, entry]) => [name, { ...entry, node: countedOut(entry.node, name, n, faults) }] as const,
    );
    return { ...node, entries: new Map(entries) };
  }
  if (node.kind === 'list')
    return { ...node, items: node.items.map((item) => countedOut(item, key, n, faults)) };
  if (!node.text.includes('{n')) return node;
  const text = countOut(node.text, n);
  if (text === undefined) {
    faults.add(node.place, `${show(node)} is not a template; allowed: {n}, {n+10}, {n-1}, {n:02}, {n+10:03}`);
    return { ...node, isBroken: true };
  }
  const shown = countOut(node.shown, n) ?? node.shown;
  return { ...node, text, shown, value: TEXTS.has(key) ? text : typePlain(text) };
}
