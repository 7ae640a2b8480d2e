import { systemClock } from '../../src/base/index.ts';
import { type ObjectDefinition, omaRegistry } from '../../src/model/index.ts';
import { storedObject } from '../../src/objects/index.ts';
import { createTree, DONE, type ResourceSetup, type Tree } from '../../src/tree/index.ts';

export function definition(object: number, version?: string): ObjectDefinition {
  const found = omaRegistry().find(object, version);
  if (found === undefined) throw new Error(`no object ${object}`);
  return found;
}

/** What a test can see of a client that is made like those of the OMA test catalogue. */
export interface CatalogueClient {
  readonly tree: Tree;
  /** `reboot`, `trigger` in the order of their execution */
  readonly executed: string[];
}

/** The client of the OMA enabler test specification: configuration C.6, with objects 16 and 19 (digest 19.1). */
export function catalogueClient(servers = 1): CatalogueClient {
  const tree = createTree({ clock: systemClock });
  const executed: string[] = [];
  const run = (name: string) => () => {
    executed.push(name);
    return DONE;
  };
  for (let server = 1; server <= servers; server++) {
    tree.addInstance({
      definition: definition(1),
      instance: server - 1,
      resources: [
        { id: 0, value: server },
        { id: 1, value: 86_400 },
        { id: 2, value: 1 },
        { id: 3, value: 10 },
        { id: 5, value: 86_400 },
        { id: 6, value: false },
        { id: 7, value: 'U' },
        { id: 8, execute: run('trigger') },
      ],
    });
  }
  const two = (first: number, second: number): ReadonlyMap<number, number> =>
    new Map([
      [0, first],
      [1, second],
    ]);
  const device: ResourceSetup[] = [
    { id: 0, value: 'maker' },
    { id: 1, value: 'model' },
    { id: 2, value: '007' },
    { id: 3, value: '1.0' },
    { id: 4, execute: run('reboot') },
    { id: 6, value: two(1, 2) },
    { id: 7, value: two(3300, 5000) },
    { id: 8, value: two(10, 20) },
    { id: 9, value: 80 },
    { id: 11, value: new Map([[0, 0]]) },
    { id: 13, value: 1_700_000_000 },
    { id: 16, value: 'U' },
    { id: 22, value: new Map([[0, { object: 3, instance: 0 }]]) },
  ];
  tree.addInstance({ definition: definition(3), instance: 0, resources: device });
  for (const object of [16, 19]) tree.addObject(definition(object), storedObject(tree, definition(object)));
  return { tree, executed };
}
