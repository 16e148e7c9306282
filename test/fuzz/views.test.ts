import fc from 'fast-check';
import { expect } from 'vitest';
import { apiVersion } from '../../src/api/v1alpha1/resource-types.ts';
import type { ManagedObject } from '../../src/cli/managed-object.ts';
import { statusRows } from '../../src/cli/status/status-rows.ts';
import { type StatusObjects, statusTree } from '../../src/cli/status/status-tree.ts';
import { notesOf, noteText } from '../../src/cli/why/notes.ts';
import { planChanges } from '../../src/network-change/change-plan.ts';
import { validateSubnets } from '../../src/scheduling/subnets.ts';
import { fuzz } from './fuzz.ts';
import { type Overrides, specSchema, statusSchema, valuesOf } from './schema-arbitrary.ts';

/** Names that objects have, and refer to each other by. */
const name = fc.constantFrom('one', 'two');

const references: Overrides = Object.fromEntries(
  ['shareNetworkName', 'shareServerName', 'shareName', 'backendName'].map((field) => [field, name]),
);

/** Whatever the API server may hold of a kind: all that its schema allows, with a status or without one. */
function objects(kind: string, plural: string): fc.Arbitrary<ManagedObject[]> {
  const spec = valuesOf(specSchema(plural), references);
  const status = valuesOf(statusSchema(plural), references);
  const object = fc.record({ spec, status, name }, { requiredKeys: ['spec', 'name'] }).map((drawn) => ({
    apiVersion,
    kind,
    metadata: { namespace: 'team', name: drawn.name, uid: `${kind}-${drawn.name}`, generation: 1 },
    spec: drawn.spec,
    ...('status' in drawn ? { status: drawn.status } : {}),
  }));
  // Made by the schema of the kind, as the API server would hold it.
  return fc.uniqueArray(object, { maxLength: 2, selector: ({ metadata }) => metadata.name }) as fc.Arbitrary<
    ManagedObject[]
  >;
}

const cluster = fc.record({
  networks: objects('ShareNetwork', 'sharenetworks'),
  servers: objects('ShareServer', 'shareservers'),
  shares: objects('Share', 'shares'),
  rules: objects('ShareAccess', 'shareaccesses'),
}) as unknown as fc.Arbitrary<Omit<StatusObjects, 'backends'>>;

fuzz('views', 'show every object that the API server may hold, on lines of their own', cluster, (all) => {
  const tree = statusTree({ ...all, backends: undefined });
  const rows = statusRows(tree, { now: 0, backends: undefined, allNamespaces: true, wide: true });
  for (const row of rows) {
    const texts = typeof row === 'string' ? [row] : row.map(({ text }) => text);
    for (const text of texts) expect(text).not.toMatch(/\p{Cc}/u);
  }
  for (const object of [...all.networks, ...all.servers, ...all.shares, ...all.rules]) {
    for (const note of notesOf(object)) expect(noteText(note)).not.toMatch(/\p{Cc}/u);
  }
});

fuzz('decisions', 'are made on every network that the API server may hold', cluster, ({ networks, servers }) => {
  for (const network of networks) {
    const problem = validateSubnets(network.spec);
    if (problem !== undefined) expect(problem.length).toBeGreaterThan(0);
    const plan = planChanges(network, new Map(), true, servers);
    expect(plan.changes).toEqual([]);
  }
});
