import { z } from 'zod';
import { allowedBy, alternatives, asSchema, type JsonSchema, schemaAt } from './expected.ts';
import { didYouMean, type Faults, listed, oneLine } from './fault.ts';
import { descend, entriesOf, isBroken, type Node, type ScalarNode, show, toValue } from './node.ts';

/**
 * The value of `node` as `schema` reads it.
 * @returns undefined when something was wrong; all of it is in `faults`
 */
export function check<S extends z.ZodType>(schema: S, node: Node, faults: Faults): z.output<S> | undefined {
  const result = schema.safeParse(toValue(node));
  if (result.success) return result.data;
  for (const issue of result.error.issues) report(issue, { schema, root: node, faults });
  return undefined;
}

type Issue = z.core.$ZodIssue;

/** A value that was checked, and by what. */
interface Checked {
  readonly schema: z.ZodType;
  readonly root: Node;
  readonly faults: Faults;
}

function report(issue: Issue, checked: Checked): void {
  const { root, faults } = checked;
  const { node, steps } = descend(root, issue.path);
  if (isBroken(node)) return;
  const expected = schemaAt(jsonOf(checked.schema), issue.path);
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) reportUnknownKey(key, node, expected, faults);
  } else if (issue.code === 'invalid_key') reportKey(issue, checked);
  else if (steps < issue.path.length) reportMissing(issue.path.slice(0, steps + 1), node, checked);
  else if (issue.code === 'invalid_union') reportUnion(issue, node, expected, checked);
  else if (issue.code === 'custom' && issue.message !== NO_MESSAGE) faults.add(node.place, issue.message);
  else reportValue(node, expected, faults);
}

/** What zod says for a `refine` without a message of its own. */
const NO_MESSAGE = 'Invalid input';

function reportMissing(path: readonly PropertyKey[], parent: Node, { schema, faults }: Checked): void {
  const step = path.at(-1);
  if (parent.kind !== 'map') {
    reportValue(parent, schemaAt(jsonOf(schema), path.slice(0, -1)), faults);
    return;
  }
  const allowed = allowedBy(schemaAt(jsonOf(schema), path));
  faults.add(parent.place, `'${String(step)}' is missing; allowed: ${allowed}`);
}

function reportKey(issue: Issue, { schema, root, faults }: Checked): void {
  const path = issue.path.slice(0, -1);
  const key = String(issue.path.at(-1));
  const { node } = descend(root, path);
  const names = asSchema(schemaAt(jsonOf(schema), path).propertyNames);
  const place = entriesOf(node).get(key)?.key ?? node.place;
  faults.add(place, `'${oneLine(key, 60)}' is not allowed as a key; allowed: ${allowedBy(names)}`);
}

function reportValue(node: Node, expected: JsonSchema, faults: Faults): void {
  const forms = alternatives(expected);
  const words = forms.flatMap((form) => (Array.isArray(form.enum) ? form.enum.map(String) : []));
  const near = node.kind === 'scalar' && typeof node.value === 'string' ? didYouMean(node.shown, words) : '';
  const quotes = needsQuotes(node, forms) ? `; as a text it needs quotes: '${node.shown}'` : '';
  const problem = isEmpty(node) ? 'there is no value' : `${show(node)} is not allowed`;
  faults.add(node.place, `${problem}${near}; allowed: ${allowedBy(expected)}${quotes}`);
}

function isEmpty(node: Node): boolean {
  return node.kind === 'scalar' && node.value === null && node.text === '';
}

/** True for `1.2` where the text '1.2' is allowed. */
function needsQuotes(node: Node, forms: readonly JsonSchema[]): node is ScalarNode {
  if (node.kind !== 'scalar' || typeof node.value === 'string' || node.value === null) return false;
  return forms.some(
    (form) =>
      form.type === 'string' &&
      (Array.isArray(form.enum) ? form.enum.includes(node.text) : true) &&
      (typeof form.pattern === 'string' ? new RegExp(form.pattern).test(node.text) : true),
  );
}

function reportUnknownKey(key: string, node: Node, expected: JsonSchema, faults: Faults): void {
  const known = alternatives(expected).flatMap((one) => Object.keys(asSchema(one.properties)));
  const place = entriesOf(node).get(key)?.key ?? node.place;
  const allowed = [...new Set(known)].sort();
  faults.add(
    place,
    `unknown key '${oneLine(key, 60)}'${didYouMean(key, allowed)}; allowed keys: ${listed(allowed)}`,
  );
}

/** Of several forms, the one that was meant is the one whose problems lie inside the value. */
function reportUnion(
  issue: Issue & { code: 'invalid_union' },
  node: Node,
  expected: JsonSchema,
  checked: Checked,
): void {
  const meant = node.kind === 'scalar' ? undefined : issue.errors.find((issues) => issues.every(isInside));
  if (meant === undefined) reportValue(node, expected, checked.faults);
  for (const inner of meant ?? []) report({ ...inner, path: [...issue.path, ...inner.path] }, checked);
}

function isInside(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

const jsonSchemas = new WeakMap<z.ZodType, JsonSchema>();

/** The schema that faults and editors speak from. */
function jsonOf(schema: z.ZodType): JsonSchema {
  let json = jsonSchemas.get(schema);
  if (json === undefined) {
    json = asSchema(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
    jsonSchemas.set(schema, json);
  }
  return json;
}
