import { Registry } from 'prom-client';
import { createInformers } from '../../src/cluster-state/informers.ts';
import { Installation } from '../../src/cluster-state/installation.ts';
import { PendingAssociations } from '../../src/controllers/change-memory/pending-associations.ts';
import { ChangeRollout } from '../../src/controllers/change-memory/rollout.ts';
import { CredentialRefusals } from '../../src/controllers/credentials/refusals.ts';
import { CredentialTrials } from '../../src/controllers/credentials/trials.ts';
import { DriverCallMetrics } from '../../src/controllers/driver-calls/driver-call-metrics.ts';
import { DriverCalls } from '../../src/controllers/driver-calls/driver-calls.ts';
import { DriverInstances } from '../../src/controllers/driver-calls/driver-instances.ts';
import { SuspectServers } from '../../src/controllers/driver-calls/suspect-servers.ts';
import { OperatorMetrics } from '../../src/controllers/metrics/operator-metrics.ts';
import type { OperatorParts } from '../../src/controllers/operator-parts.ts';
import { RefusedWrites } from '../../src/controllers/status/refused-writes.ts';
import type { Tenant } from '../../src/drivers/driver.ts';
import { createApiClient } from '../../src/runtime/api-client.ts';
import type { ReconcileContext } from '../../src/runtime/controller.ts';
import type { EventContent } from '../../src/runtime/events.ts';
import type { Informer } from '../../src/runtime/informer.ts';
import type { KubeObject, ObjectName } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { Manager } from '../../src/runtime/manager.ts';
import { RuntimeMetrics } from '../../src/runtime/metrics.ts';
import { FaultyApiServer } from './api-server.ts';
import { ManualClock } from './manual-clock.ts';

/** The parts of an operator on an API server in memory; nothing watches, so caches hold what a test shows them. */
export interface OperatorRig extends AsyncDisposable {
  readonly operator: OperatorParts;
  readonly server: FaultyApiServer;
  readonly clock: ManualClock;
  readonly events: EventContent[];
  /** Methods and paths of the requests so far. */
  requests(): readonly string[];
  /** Stores an object on the API server and shows it to the cache. @returns the stored object */
  store<T extends KubeObject>(informer: Informer<T>, object: T): T;
}

/** What a reconciler is called with. */
export function reconcileContext(key: ObjectName): ReconcileContext {
  return {
    key,
    reconcileID: 'reconcile-1',
    logger: createLogger({ level: 'silent', format: 'json' }),
    signal: new AbortController().signal,
    outsideWorker: (work) => work(),
  };
}

/** Shows a tenant's namespace, and a backend `b` that is ready. */
export function showTenantAndBackend(
  { informers }: Pick<OperatorParts, 'informers'>,
  { namespace, namespaceUID }: Tenant,
): void {
  const { namespaces, storageBackends } = informers;
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  namespaces.cache.observe({ metadata: { name: namespace, uid: namespaceUID, resourceVersion: '1' } });
  storageBackends.cache.observe({
    metadata: { name: 'b', uid: 'uid-b', resourceVersion: '1' },
    spec: { driver: 'dummy' },
    status: { conditions: [{ type: 'Ready', status: 'True', reason: 'Available', message: '', lastTransitionTime }] },
  });
}

/** Builds one; `key` is the installation key. */
export async function createOperatorRig(key = Buffer.alloc(32, 1)): Promise<OperatorRig> {
  const server = await FaultyApiServer.start();
  const clock = new ManualClock();
  const logger = createLogger({ level: 'silent', format: 'json' });
  const client = createApiClient({ kubeConfig: server.kubeConfig, fieldManager: 'test', userAgent: 'test', logger });
  const manager = new Manager({ client, logger, metrics: new RuntimeMetrics(), clock });
  const instances = new DriverInstances(clock);
  const installation = new Installation('installation-1', key);
  const events: EventContent[] = [];
  const operator: OperatorParts = {
    client,
    informers: createInformers(manager, undefined, 'sharenet-system'),
    calls: new DriverCalls({
      instances,
      clock,
      logger,
      metrics: new DriverCallMetrics(new Registry()),
      installationID: installation.id,
    }),
    instances,
    installation,
    metrics: new OperatorMetrics(new Registry(), clock),
    recorder: { event: (_object, content) => void events.push(content) },
    refusedWrites: new RefusedWrites({ clock, random: Math.random }),
    pendingAssociations: new PendingAssociations(),
    rollout: new ChangeRollout(),
    refusals: new CredentialRefusals(clock),
    trials: new CredentialTrials(clock),
    suspects: new SuspectServers(),
    driverLogger: logger,
    clock,
    random: () => 0.5,
    namespace: 'sharenet-system',
    requireCredentialDestinations: false,
  };
  return {
    operator,
    server,
    clock,
    events,
    store(informer, object) {
      const { group, version, plural } = informer.type;
      const { uid, resourceVersion } = server.put(
        group === '' ? `/api/${version}/${plural}` : `/apis/${group}/${version}/${plural}`,
        object,
      ).metadata;
      const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
      informer.cache.observe(stored);
      return stored;
    },
    requests: () => server.requests.map(({ method, path }) => `${method} ${path}`),
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.stop();
    },
  };
}
