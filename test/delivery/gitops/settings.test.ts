import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ReasonKind, reasons } from '../../../src/api/v1alpha1/reasons/catalogue.ts';
import { apiVersion } from '../../../src/api/v1alpha1/resource-types.ts';
import { kinds } from './every-state.ts';
import { inRepository, judge, kustomized, objectsIn } from './programs.ts';

const examples = inRepository('examples/gitops');

const fluxSchema = z.object({
  kind: z.literal('Kustomization'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    dependsOn: z.array(z.object({ name: z.string() })).optional(),
    retryInterval: z.string(),
    timeout: z.string(),
    path: z.string(),
    wait: z.literal(true),
    force: z.literal(false),
    sourceRef: z.object({ kind: z.literal('GitRepository'), name: z.string() }),
  }),
});

describe('what an object says by a reason', () => {
  const cases = kinds.flatMap(({ kind }) =>
    (['Every kind', kind] as readonly ReasonKind[]).flatMap((group) =>
      Object.entries(reasons[group]).flatMap(([reason, { places }]) => {
        const time = '2026-01-01T00:00:00Z';
        const said = { reason, message: 'a message', observedGeneration: 3, lastTransitionTime: time };
        const stalled = places.includes('Stalled');
        const reconciling = places.includes('Reconciling');
        const states = [
          ...(stalled ? [{ kstatus: 'Failed', conditions: [{ type: 'Stalled', status: 'True', ...said }] }] : []),
          ...(reconciling
            ? [{ kstatus: 'InProgress', conditions: [{ type: 'Reconciling', status: 'True', ...said }] }]
            : []),
          ...(places.includes('Ready') && !stalled && !reconciling ? [{ kstatus: 'Current', conditions: [] }] : []),
        ];
        return states.map(({ kstatus, conditions }) => ({
          kstatus,
          reason,
          object: {
            ...{ apiVersion, kind, metadata: { name: 'one', namespace: 'team-a', generation: 3 } },
            status: {
              observedGeneration: 3,
              conditions: [{ type: 'Ready', status: kstatus === 'Current' ? 'True' : 'False', ...said }, ...conditions],
            },
          },
        }));
      }),
    ),
  );

  test('is the same to kstatus and to Argo CD, for every reason of every kind', async () => {
    const verdicts = await judge(cases.map(({ object }) => object));
    const health = { Current: 'Healthy', Failed: 'Degraded', InProgress: 'Progressing', Terminating: 'Progressing' };
    const wrong = cases.flatMap(({ kstatus, reason, object }, index) => {
      const verdict = verdicts[index];
      const waitsForPeople = ['Paused', 'SharePaused', 'Maintenance'].includes(reason);
      const argo = verdict === undefined || waitsForPeople ? 'Suspended' : health[verdict.kstatus];
      const right = verdict?.kstatus === kstatus && verdict.argo.status === argo && verdict.wrong === undefined;
      return right ? [] : [`${object.kind} ${reason}: ${JSON.stringify(verdict)}`];
    });
    expect(wrong).toEqual([]);
    expect(cases.length).toBeGreaterThan(100);
  });

  test('reads an object that the operator has not seen yet as being worked on', async () => {
    const fresh = { observedGeneration: -1, phase: 'active' };
    const objects = kinds.map(({ kind }) => ({
      apiVersion,
      kind,
      metadata: { name: 'one', generation: 1 },
      status: fresh,
    }));
    for (const { kstatus, argo } of await judge(objects)) {
      expect({ kstatus, argo: argo.status }).toEqual({ kstatus: 'InProgress', argo: 'Progressing' });
    }
  });
});

describe('the example repository', () => {
  test.each(['staging', 'production'])('has in %s the directory that its network names', async (environment) => {
    const objects = objectsIn(await kustomized(join(examples, 'team-a', environment)));
    const named = z
      .object({ spec: z.object({ securityServices: z.array(z.object({ name: z.string() })) }) })
      .parse(objects.find(({ kind }) => kind === 'ShareNetwork'));
    const services = objects.filter(({ kind }) => kind === 'SecurityService').map(({ metadata }) => metadata.name);
    for (const { name } of named.spec.securityServices) expect(services).toContain(name);
    for (const { metadata } of objects) expect(metadata.namespace).toBe('team-a');
  });

  test('lets neither tool prune a share or a backend, and keeps the data of a deleted share', async () => {
    for (const folder of ['team-a/production', 'team-a/staging', 'backends']) {
      const objects = objectsIn(await kustomized(join(examples, folder)));
      const kept = objects.filter(({ kind }) => kind === 'Share' || kind === 'StorageBackend');
      expect(kept).not.toEqual([]);
      for (const object of kept) {
        expect(object.metadata.annotations).toMatchObject({
          'kustomize.toolkit.fluxcd.io/prune': 'disabled',
          'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
        });
        if (object.kind === 'Share') expect(object).toMatchObject({ spec: { deletionPolicy: 'Retain' } });
      }
    }
  });

  test('tells Flux to wait, to try again, never to force, and directories first', async () => {
    const folder = join(examples, 'flux');
    const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
    const objects = texts.flatMap(objectsIn);
    const all = objects.filter(({ kind }) => kind === 'Kustomization').map((object) => fluxSchema.parse(object));
    const names = all.map(({ metadata }) => metadata.name).sort();
    expect(names).toEqual(['backends', 'team-a-directories', 'team-a-network']);
    const network = all.find(({ metadata }) => metadata.name === 'team-a-network');
    expect(network?.spec.dependsOn).toEqual([{ name: 'team-a-directories' }]);
    const sources = objects.filter(({ kind }) => kind === 'GitRepository').map(({ metadata }) => metadata.name);
    for (const { spec } of all) {
      expect((await stat(join(examples, spec.path, 'kustomization.yaml'))).isFile()).toBe(true);
      expect(sources).toEqual([spec.sourceRef.name]);
    }
  });

  test('tells Argo CD to try again without end, and applies directories in an earlier wave', async () => {
    const [application] = objectsIn(await readFile(join(examples, 'argocd/team-a.yaml'), 'utf8'));
    expect(application).toMatchObject({
      spec: { source: { path: 'team-a/production' }, syncPolicy: { retry: { limit: -1 } } },
    });
    const wave = 'argocd.argoproj.io/sync-wave';
    for (const { kind, metadata } of objectsIn(await kustomized(join(examples, 'team-a/production')))) {
      const early = kind === 'Secret' || kind === 'SecurityService';
      expect(metadata.annotations?.[wave]).toBe(early ? '-1' : undefined);
    }
  });
});
