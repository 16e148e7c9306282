import { shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareNetwork } from '../../../src/api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import { createInformer } from '../../../src/runtime/informer.ts';
import { createLogger } from '../../../src/runtime/logger.ts';
import { readAuditLog } from '../audit-log.ts';
import type { TestCluster } from '../test-cluster.ts';
import { condition } from './scene.ts';

/** One stored version of a network or server. */
export interface RecordedState {
  readonly kind: string;
  readonly name: string;
  /** resourceVersion: the order in which the API server stored things. */
  readonly version: bigint;
  readonly phase: string | undefined;
  readonly stage: string | undefined;
  readonly services: readonly string[];
  readonly upToDate: string;
}

/** Records every stored version of a namespace's networks and servers by a watch of its own, until stopped. */
export async function recordStates(
  cluster: TestCluster,
  namespace: string,
): Promise<{ stop(): Promise<readonly RecordedState[]> }> {
  const states: RecordedState[] = [];
  const abort = new AbortController();
  const logger = createLogger({ level: 'silent', format: 'json' });
  const record = (object: ShareNetwork | ShareServer): void => {
    const change = object.status?.networkChange;
    const upToDate = condition(object, 'SecurityServicesUpToDate');
    states.push({
      kind: object.kind ?? '',
      name: object.metadata.name,
      version: BigInt(object.metadata.resourceVersion ?? '0'),
      phase: object.status?.phase,
      stage: change !== undefined && 'stage' in change ? change.stage : undefined,
      services: (object.status?.securityServices ?? []).map(({ name }) => name),
      upToDate: `${upToDate?.status}/${upToDate?.reason}`,
    });
  };
  const networks = createInformer(cluster.client, { type: shareNetworks, namespaces: [namespace] }, { logger });
  const servers = createInformer(cluster.client, { type: shareServers, namespaces: [namespace] }, { logger });
  networks.onEvent(({ object }) => record(object));
  servers.onEvent(({ object }) => record(object));
  networks.start(abort.signal);
  servers.start(abort.signal);
  await Promise.all([networks.whenSynced(), servers.whenSynced()]);
  return {
    stop: async () => {
      abort.abort();
      return states.toSorted((a, b) => (a.version < b.version ? -1 : 1));
    },
  };
}

/** A write that the API server has stored. */
export interface StoredWrite {
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly name: string | undefined;
  /** When it was answered, in milliseconds. */
  readonly time: number;
}

/** Writes of the operator in a namespace, from the audit log. */
export async function storedWrites(cluster: TestCluster, namespace: string): Promise<readonly StoredWrite[]> {
  return (await readAuditLog(cluster.plane))
    .filter(
      ({ verb, userAgent, objectRef, responseStatus }) =>
        ['create', 'update', 'patch', 'delete'].includes(verb) &&
        userAgent?.startsWith('sharenet-operator') === true &&
        objectRef?.namespace === namespace &&
        (responseStatus?.code ?? 500) < 300,
    )
    .map(({ objectRef, stageTimestamp }) => ({
      resource: objectRef?.resource ?? '',
      subresource: objectRef?.subresource,
      name: objectRef?.name,
      time: Date.parse(stageTimestamp),
    }));
}
