/** Where something stands in the configuration: a file, a position in it (from 1), and the keys that lead there. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `devices[1].overrides.points.v1`; '' is the whole file */
  readonly path: string;
}

/** What is wrong at a place of the configuration, and what is allowed there. Never holds a secret. */
export interface Fault extends Location {
  readonly message: string;
}

/** What may not work although it may stand there. */
export interface Note extends Fault {
  /** As far as can be told from here it will not. */
  readonly isGrave: boolean;
}

/** A position in a file that knows the steps which lead to it. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly up?: Place;
  readonly step?: string | number;
}

/** Collects faults: each is kept once, in the order of the files and lines. */
export interface Faults {
  add(place: Place, message: string): void;
  list(): readonly Fault[];
}

/** A file full of mistakes must not become a message without end. */
const MOST_FAULTS = 1000;

export function createFaults(): Faults {
  const kept = new Map<string, Fault>();
  const files = new Map<string, number>();
  let left = 0;
  const order = (fault: Fault): number => files.get(fault.file) ?? 0;
  return {
    add(place, message) {
      const fault = { ...locationOf(place), message };
      const key = formatFault(fault);
      if (kept.has(key)) return;
      if (kept.size >= MOST_FAULTS) {
        left++;
        return;
      }
      if (!files.has(place.file)) files.set(place.file, files.size);
      kept.set(key, fault);
    },
    list() {
      const sorted = [...kept.values()].sort(
        (a, b) => order(a) - order(b) || a.line - b.line || a.column - b.column,
      );
      const last = sorted.at(-1);
      if (left > 0 && last !== undefined) sorted.push({ ...last, path: '', message: `${left} more faults` });
      return sorted;
    },
  };
}

/** One line: `gateway.yaml:12:5 devices[0].profile: what is wrong; what is allowed`. */
export function formatFault({ file, line, column, path, message }: Fault): string {
  return oneLine(`${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${message}`);
}

/** A place without the links to its parents. */
export function locationOf(place: Place): Location {
  const { file, line, column } = place;
  return { file, line, column, path: pathOf(place) };
}

function pathOf(place: Place): string {
  const steps: (string | number)[] = [];
  for (let at: Place | undefined = place; at?.step !== undefined; at = at.up) steps.unshift(at.step);
  return steps.map((step, index) => formatStep(step, index === 0)).join('');
}

function formatStep(step: string | number, first: boolean): string {
  if (typeof step === 'number') return `[${step}]`;
  if (!/^[\w/-]+$/.test(step)) return `["${oneLine(step, 60)}"]`;
  return first ? step : `.${step}`;
}

/** Where something is, for a fault at `from`: the line alone when the file is the same. */
export function whereabouts(place: Place, from: Place): string {
  return place.file === from.file ? `line ${place.line}` : `${place.file}, line ${place.line}`;
}

/** `text` on one line and not longer than `most` characters. */
export function oneLine(text: string, most = Number.POSITIVE_INFINITY): string {
  const clean = text.replace(/\p{Cc}+/gu, ' ');
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}

/** `a, b, c`, cut short when there are very many. */
export function listed(words: readonly string[], most = 40): string {
  if (words.length === 0) return 'none';
  const shown = words.slice(0, most).join(', ');
  return words.length > most ? `${shown} and ${words.length - most} more` : shown;
}

/** ` (did you mean 'addr'?)` when a known word is close to `word`, else ''. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? '' : ` (did you mean '${near}'?)`;
}

/** So much of a word says which is meant. */
const LEAST_BEGUN = 3;

/** Words longer than this are not compared: the cost grows with the square. */
const LONGEST_COMPARED = 64;

function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST_COMPARED) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  // `eastron/sdm630` means its `-v2`, though it takes fewer changes to make another meter of it.
  return bestDistance > 1 ? (begunBy(word, known) ?? best) : best;
}

/** The shortest that begins with `word`. */
function begunBy(word: string, known: readonly string[]): string | undefined {
  if (word.length < LEAST_BEGUN) return undefined;
  const begun = known.filter((candidate) => candidate.toLowerCase().startsWith(word.toLowerCase()));
  return begun.sort((a, b) => a.length - b.length)[0];
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + same,
        swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
