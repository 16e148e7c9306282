import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import type { KubeObject, ObjectName, ResourceType } from '../../../src/runtime/kube-object.ts';
import { access, activeDirectory, backend, network } from '../manifests.ts';
import { restsWith } from './agreement.ts';
import { readDummyState } from './dummy-state.ts';
import type { FlowRig } from './flow-rig.ts';

/** What was asked for, and how to see that it is there. */
export interface Asked {
  /** Whether everything is as it was asked for, in the cluster and on the backend. */
  readonly isDone: () => Promise<boolean>;
  /** Driver methods that may take effect, with how many operations each is: one more is a second effect. */
  readonly effects: Readonly<Record<string, number>>;
}

/** One thing that the operator does in several steps, any of which may be its last. */
export interface Flow {
  readonly name: string;
  /** Writes of an undisturbed run; a sample is chosen from them. */
  readonly writes: number;
  /** Driver calls of an undisturbed run. */
  readonly calls: number;
  /** What must be there before, made by an operator that no one disturbs. */
  readonly prepare?: (rig: FlowRig, round: string) => Promise<void>;
  readonly ask: (rig: FlowRig, round: string) => Promise<Asked>;
  /** Puts back what the next round begins with. */
  readonly tidy?: (rig: FlowRig, round: string) => Promise<void>;
}

const gibibyte = 2 ** 30;

const stateOf = (rig: FlowRig) => readDummyState(rig.cluster.stateDirectory, 'dummy');

async function isReady(rig: FlowRig, type: ResourceType, name: ObjectName): Promise<boolean> {
  const found = (await rig.cluster.find(type, name)) as
    | (KubeObject & {
        readonly status?: {
          readonly observedGeneration?: number;
          readonly conditions?: readonly { readonly type: string; readonly status: string }[];
        };
      })
    | undefined;
  const ready = found?.status?.conditions?.some(({ type: one, status }) => one === 'Ready' && status === 'True');
  return ready === true && found?.status?.observedGeneration === found?.metadata.generation;
}

async function resized(rig: FlowRig, name: string, gibibytes: number): Promise<boolean> {
  const { status } = await rig.cluster.client.get(shares, rig.name(name));
  const stored = (await stateOf(rig)).shares.find((one) => one.name === name);
  return (
    status?.phase === 'available' &&
    status.operation === undefined &&
    stored?.size === gibibytes * gibibyte &&
    (await isReady(rig, shares, rig.name(name)))
  );
}

async function resize(rig: FlowRig, name: string, gibibytes: number): Promise<void> {
  await rig.cluster.client.mergePatch(shares, rig.name(name), { spec: { size: `${gibibytes}Gi` } });
}

/** As many shares and servers as there are objects, and so many. */
async function counts(rig: FlowRig, expected: number): Promise<boolean> {
  const state = await stateOf(rig);
  const objects = (await rig.cluster.client.list(shares, { namespace: rig.namespace })).items;
  const servers = await rig.servers();
  return [state.shares, state.servers, objects, servers].every(({ length }) => length === expected);
}

async function removeShare(rig: FlowRig, round: string): Promise<void> {
  await rig.cluster.client.delete(shares, rig.name(`made-${round}`));
  await rig.until('torn down', () => counts(rig, 2));
}

async function networkRests(rig: FlowRig, service: string): Promise<boolean> {
  const stored = await rig.cluster.find(shareNetworks, rig.name('net'));
  const servers = await rig.servers();
  const state = await stateOf(rig);
  return (
    restsWith(stored, service) &&
    servers.every(({ status }) => status?.phase === 'active' && status.networkChange === undefined) &&
    servers.every(({ status }) => status?.securityServices?.[0]?.name === service) &&
    state.servers.every((one) => one.securityServices.active_directory?.name === service) &&
    (await rig.rulesAgree(['alice'])) === undefined
  );
}

const polled = (operation: string) => ({ operation, kind: 'inProgress' }) as const;
const update = 'updateShareServerSecurityService';
const check = 'checkUpdateShareServerSecurityService';

const createFlow: Flow = {
  name: 'makes a share and its server',
  writes: 6,
  calls: 2,
  ask: async (rig, round) => {
    const name = `made-${round}`;
    await rig.makeShare(name);
    return {
      isDone: async () => (await isReady(rig, shares, rig.name(name))) && (await counts(rig, 3)),
      effects: { setupServer: 1, createShare: 1 },
    };
  },
  tidy: removeShare,
};

const changeFlow: Flow = {
  name: 'changes a security service',
  writes: 8,
  calls: 4,
  ask: async (rig) => {
    const service = await rig.changeService();
    return { isDone: () => networkRests(rig, service), effects: { [check]: 2, [update]: 2 } };
  },
};

const extendFlow: Flow = {
  name: 'extends a share',
  writes: 2,
  calls: 1,
  ask: async (rig) => {
    await resize(rig, 's1', 3);
    return { isDone: () => resized(rig, 's1', 3), effects: { extendShare: 1 } };
  },
  tidy: async (rig) => {
    await resize(rig, 's1', 1);
    await rig.until('shrunk', () => resized(rig, 's1', 1));
  },
};

const grantFlow: Flow = {
  name: 'grants a keyed rule',
  writes: 3,
  calls: 1,
  ask: async (rig, round) => {
    await rig.cluster.client.create(shareAccesses, access(rig.namespace, `user-${round}`, 's0'));
    return {
      isDone: async () => (await rig.rulesAgree(['alice', `user-${round}`])) === undefined,
      effects: { updateAccess: 1 },
    };
  },
  tidy: async (rig, round) => {
    await rig.cluster.client.delete(shareAccesses, rig.name(`user-${round}`));
    await rig.untilRules(['alice']);
  },
};

/** With storage that answers each first call by a token, and the work later. */
function withPolls(flow: Flow, ...operations: readonly string[]): Flow {
  return {
    ...flow,
    name: `${flow.name}, which the storage system works on in the background`,
    writes: flow.writes + operations.length,
    calls: flow.calls + operations.length,
    prepare: (rig) => rig.faults(...operations.map(polled)),
    tidy: async (rig, round) => {
      await rig.faults();
      await flow.tidy?.(rig, round);
    },
  };
}

/** Creates an object and finds it ready, or deletes it and finds it gone. */
function simpleLife(
  what: string,
  type: ResourceType,
  manifest: (rig: FlowRig, round: string) => KubeObject & { readonly metadata: ObjectName },
  writes: { readonly make: number; readonly remove: number },
): readonly Flow[] {
  const remove = async (rig: FlowRig, round: string): Promise<void> => {
    const { metadata } = manifest(rig, round);
    await rig.cluster.client.delete(type, metadata);
  };
  const make = async (rig: FlowRig, round: string) => {
    const object = manifest(rig, round);
    await rig.cluster.client.create(type, object);
    return () => isReady(rig, type, object.metadata);
  };
  return [
    {
      name: `takes on a ${what}`,
      writes: writes.make,
      calls: 0,
      ask: async (rig, round) => ({ isDone: await make(rig, round), effects: {} }),
      tidy: async (rig, round) => {
        await remove(rig, round);
        await rig.cluster.untilGone(type, manifest(rig, round).metadata);
      },
    },
    {
      name: `gives up a ${what}`,
      writes: writes.remove,
      calls: 0,
      prepare: async (rig, round) => rig.until('ready', await make(rig, round)),
      ask: async (rig, round) => {
        await remove(rig, round);
        const { metadata } = manifest(rig, round);
        return { isDone: async () => (await rig.cluster.find(type, metadata)) === undefined, effects: {} };
      },
    },
  ];
}

/** Everything that the operator does. Between two of them the rig is as it was made, but for the network's service. */
export const flows: readonly Flow[] = [
  createFlow,
  withPolls(createFlow, 'setupServer', 'createShare'),
  {
    name: 'deletes a share and its server',
    writes: 5,
    calls: 2,
    prepare: async (rig, round) => {
      await rig.makeShare(`made-${round}`);
      await rig.until('made', () => isReady(rig, shares, rig.name(`made-${round}`)));
    },
    ask: async (rig, round) => {
      await rig.cluster.client.delete(shares, rig.name(`made-${round}`));
      return { isDone: () => counts(rig, 2), effects: { deleteShare: 1, teardownServer: 1 } };
    },
  },
  extendFlow,
  withPolls(extendFlow, 'extendShare'),
  {
    name: 'shrinks a share',
    writes: 2,
    calls: 1,
    prepare: async (rig) => {
      await resize(rig, 's1', 3);
      await rig.until('extended', () => resized(rig, 's1', 3));
    },
    ask: async (rig) => {
      await resize(rig, 's1', 1);
      return { isDone: () => resized(rig, 's1', 1), effects: { shrinkShare: 1 } };
    },
  },
  grantFlow,
  withPolls(grantFlow, 'updateAccess'),
  {
    name: 'changes the level of a rule',
    writes: 1,
    calls: 1,
    ask: async (rig) => {
      await rig.cluster.client.mergePatch(shareAccesses, rig.name('alice'), { spec: { accessLevel: 'ro' } });
      return {
        isDone: async () => (await rig.rulesAgree(['alice'], 'ro')) === undefined,
        effects: { updateAccess: 1 },
      };
    },
    tidy: async (rig) => {
      await rig.cluster.client.mergePatch(shareAccesses, rig.name('alice'), { spec: { accessLevel: 'rw' } });
      await rig.untilRules(['alice']);
    },
  },
  {
    name: 'denies a keyed rule',
    writes: 2,
    calls: 1,
    prepare: async (rig, round) => {
      await rig.cluster.client.create(shareAccesses, access(rig.namespace, `user-${round}`, 's0'));
      await rig.untilRules(['alice', `user-${round}`]);
    },
    ask: async (rig, round) => {
      await rig.cluster.client.delete(shareAccesses, rig.name(`user-${round}`));
      return { isDone: async () => (await rig.rulesAgree(['alice'])) === undefined, effects: { updateAccess: 1 } };
    },
  },
  {
    name: 'recovers a key whose Secret is gone',
    writes: 2,
    calls: 1,
    ask: async (rig) => {
      await rig.cluster.client.delete(secrets, rig.name('alice-access-key'));
      return { isDone: async () => (await rig.rulesAgree(['alice'])) === undefined, effects: { updateAccess: 1 } };
    },
  },
  {
    name: 'looks at a share again',
    writes: 1,
    calls: 2,
    ask: async (rig, round) => {
      await rig.annotate('share', 's0', 'sharenet.io/reconcile-requested-at', round);
      return {
        isDone: async () => {
          const { status } = await rig.cluster.client.get(shares, rig.name('s0'));
          return status?.lastHandledReconcileAt === round && (await isReady(rig, shares, rig.name('s0')));
        },
        effects: { ensureShare: 1, updateAccess: 1 },
      };
    },
  },
  {
    name: 'looks at a server again',
    writes: 1,
    calls: 1,
    ask: async (rig, round) => {
      const [server] = await rig.servers();
      const name = server?.metadata.name ?? '';
      await rig.annotate('shareserver', name, 'sharenet.io/reconcile-requested-at', round);
      return {
        isDone: async () => {
          const { status } = await rig.cluster.client.get(shareServers, rig.name(name));
          return status?.lastHandledReconcileAt === round && (await isReady(rig, shareServers, rig.name(name)));
        },
        effects: { ensureServer: 1 },
      };
    },
  },
  changeFlow,
  withPolls(changeFlow, update),
  {
    name: 'applies a security service again',
    writes: 8,
    calls: 4,
    ask: async (rig, round) => {
      const { spec } = await rig.cluster.client.get(shareNetworks, rig.name('net'));
      const service = spec.securityServices?.[0]?.name ?? '';
      await rig.annotate('sharenetwork', 'net', 'sharenet.io/reapply-requested-at', round);
      return {
        isDone: async () => {
          const { status } = await rig.cluster.client.get(shareNetworks, rig.name('net'));
          return status?.lastHandledReapplyAt === round && (await networkRests(rig, service));
        },
        effects: { [check]: 2, [update]: 2 },
      };
    },
  },
  {
    name: 'aborts a change',
    writes: 8,
    calls: 3,
    ask: async (rig) => {
      const service = await rig.changeService(1);
      let id: string | undefined;
      return {
        isDone: async () => {
          const { status } = await rig.cluster.client.get(shareNetworks, rig.name('net'));
          if (id === undefined && status?.networkChange !== undefined) {
            ({ id } = status.networkChange);
            await rig.annotate('sharenetwork', 'net', 'sharenet.io/abort-change', id);
          }
          const servers = await rig.servers();
          const state = await stateOf(rig);
          const applied = new Map(servers.map((one) => [one.metadata.uid, one.status?.securityServices?.[0]?.name]));
          return (
            id !== undefined &&
            status?.phase === 'active' &&
            status.networkChange === undefined &&
            status.securityServices?.[0]?.name === service &&
            servers.every((one) => one.status?.phase === 'active' && one.status.networkChange === undefined) &&
            state.servers.every((one) => one.securityServices.active_directory?.name === applied.get(one.id))
          );
        },
        effects: { [check]: 2, [update]: 2 },
      };
    },
    tidy: async (rig, round) => {
      const { spec } = await rig.cluster.client.get(shareNetworks, rig.name('net'));
      const service = spec.securityServices?.[0]?.name ?? '';
      await rig.cluster.apply(rig.network(service));
      await rig.annotate('sharenetwork', 'net', 'sharenet.io/reapply-requested-at', `after-${round}`);
      await rig.until('up to date', () => networkRests(rig, service));
    },
  },
  {
    name: 'takes back a server that an administrator has reset',
    writes: 4,
    calls: 1,
    prepare: async (rig) => {
      await rig.faults({ operation: update, kind: 'rejected' });
      await rig.changeService();
      await rig.until('failed', async () => {
        const { status } = await rig.cluster.client.get(shareNetworks, rig.name('net'));
        const rules = await rig.cluster.client.list(shareAccesses, { namespace: rig.namespace });
        const servers = await rig.servers();
        return (
          status?.phase === 'active' &&
          servers.every((one) => one.status?.phase === 'error') &&
          rules.items.every((one) => one.status?.phase === 'error')
        );
      });
      await rig.faults();
    },
    ask: async (rig) => {
      for (const { metadata } of await rig.servers()) {
        await rig.cluster.client.mergePatch(
          shareServers,
          rig.name(metadata.name),
          { status: { phase: 'active' } },
          { subresource: 'status' },
        );
      }
      return {
        isDone: async () =>
          (await rig.servers()).every((one) => one.status?.phase === 'active') &&
          (await rig.rulesAgree(['alice'])) === undefined,
        effects: { updateAccess: 1 },
      };
    },
    tidy: async (rig, round) => {
      const { spec } = await rig.cluster.client.get(shareNetworks, rig.name('net'));
      await rig.annotate('sharenetwork', 'net', 'sharenet.io/reapply-requested-at', `after-${round}`);
      await rig.until('up to date', () => networkRests(rig, spec.securityServices?.[0]?.name ?? ''));
    },
  },
  ...simpleLife('share network', shareNetworks, (rig, round) => network(rig.namespace, `network-${round}`, []), {
    make: 2,
    remove: 1,
  }),
  ...simpleLife('security service', securityServices, (rig, round) => activeDirectory(rig.namespace, `ad-${round}`), {
    make: 1,
    remove: 0,
  }),
  ...simpleLife(
    'backend',
    storageBackends,
    (rig, round) => backend(`backend-${round}`, { stateDirectory: rig.cluster.stateDirectory }),
    { make: 2, remove: 1 },
  ),
];
