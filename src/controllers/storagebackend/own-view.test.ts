import { beforeEach, describe, expect, it } from 'vitest';
import { createOperatorRig, type OperatorRig } from '../../../test/faults/operator-rig.ts';
import type { StorageBackend, StorageBackendStatus } from '../../api/v1alpha1/storage-backend.ts';
import type { CacheEvent } from '../../runtime/cache.ts';
import { createLogger } from '../../runtime/logger.ts';
import { OwnBackendView } from './own-view.ts';

const logger = createLogger({ level: 'silent', format: 'json' });

describe('backends as seen by a process that may not write their status', () => {
  let rig: OperatorRig;
  let view: OwnBackendView;
  let told: CacheEvent<StorageBackend>[];

  beforeEach(async () => {
    rig = await createOperatorRig();
    view = new OwnBackendView(rig.operator.informers.storageBackends, logger);
    told = [];
    view.onEvent((event) => told.push(event));
    return () => rig[Symbol.asyncDispose]();
  });

  /** Shows the cache what a watch would. */
  function stored(version: number, status: StorageBackendStatus, uid = 'uid-1'): StorageBackend {
    const backend: StorageBackend = {
      metadata: { name: 'filer', uid, resourceVersion: String(version) },
      spec: { driver: 'dummy', dummy: {} },
      status,
    };
    view.cache.observe(backend);
    return backend;
  }

  const seen = (): StorageBackendStatus | undefined => view.cache.get({ name: 'filer' })?.status;

  it('have the stored status until the process has probed them', () => {
    stored(1, { observedGeneration: 3 });
    expect(seen()).toEqual({ observedGeneration: 3 });
  });

  it('keep the status of the process, also where the same was stored before', () => {
    view.hold(stored(1, { observedGeneration: 1 }), { observedGeneration: 1 });
    stored(2, { observedGeneration: 7 });
    expect(seen()).toEqual({ observedGeneration: 1 });
    view.hold(stored(3, { observedGeneration: 8 }), { observedGeneration: 8 });
    expect(seen()).toEqual({ observedGeneration: 1 });
  });

  it('have the status of the process afterwards, whatever is stored', () => {
    view.keep(stored(1, { observedGeneration: -1 }), { observedGeneration: 1 });
    expect(seen()).toEqual({ observedGeneration: 1 });
    expect(told.at(-1)).toMatchObject({
      type: 'modified',
      object: { status: { observedGeneration: 1 } },
      previous: { status: { observedGeneration: -1 } },
    });
    stored(2, { observedGeneration: 7 });
    expect(seen()).toEqual({ observedGeneration: 1 });
    expect(view.cache.list().map(({ status }) => status)).toEqual([{ observedGeneration: 1 }]);
    const { object, previous } = told.at(-1) ?? {};
    expect([object?.metadata.resourceVersion, object?.status, previous?.status]).toEqual([
      '2',
      { observedGeneration: 1 },
      { observedGeneration: 1 },
    ]);
  });

  it('have the stored status again when they are recreated, also where the former result comes late', () => {
    const old = stored(1, {});
    view.keep(old, { observedGeneration: 1 });
    stored(2, { observedGeneration: -1 }, 'uid-2');
    expect(seen()).toEqual({ observedGeneration: -1 });
    const before = told.length;
    view.keep(old, { observedGeneration: 2 });
    expect(seen()).toEqual({ observedGeneration: -1 });
    expect(told).toHaveLength(before);
  });

  it('notify all handlers, also when one throws', () => {
    const backend = stored(1, {});
    const others: unknown[] = [];
    view.onEvent(({ type }) => {
      if (type === 'modified') throw new Error('broken');
    });
    view.onEvent((event) => others.push(event));
    view.keep(backend, { observedGeneration: 1 });
    expect(others).toHaveLength(2);
  });

  it('cause no request', () => {
    view.keep(stored(1, {}), { observedGeneration: 1 });
    expect(rig.requests()).toEqual([]);
  });
});
