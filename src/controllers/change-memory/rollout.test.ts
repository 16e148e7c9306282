import { describe, expect, test } from 'vitest';
import type { SecurityServiceChangePolicy, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import { ChangeRollout } from './rollout.ts';

const change = 'c1';

function server(name: string, status: Partial<ShareServerStatus> = {}): ShareServer {
  return {
    metadata: { name, uid: name },
    spec: { backendName: 'b', shareNetworkName: 'n', subnetName: 's' },
    status: { phase: 'network_change', networkChange: { id: change, changes: [] }, ...status },
  };
}

function network(policy: SecurityServiceChangePolicy, aborted = false): ShareNetwork {
  const record = { id: change, stage: 'applying', scope: 'all', changes: [], requestedBy: 'spec' } as const;
  return {
    metadata: { name: 'n' },
    spec: { securityServiceChange: policy },
    status: { networkChange: { ...record, startedTime: '2026-01-01T00:00:00Z', aborted } },
  };
}

const begun = {
  operation: { id: change, name: 'updateShareServerSecurityService', startedTime: '2026-01-01T00:00:00Z' },
};
const failed: Partial<ShareServerStatus> = { phase: 'error', lastNetworkChange: { id: change, result: 'Failed' } };

function ended(name: string, status: Partial<ShareServerStatus>): ShareServer {
  const { networkChange: _over, ...rest } = server(name, status).status ?? {};
  return { ...server(name), status: rest };
}

describe('the pace of a change', () => {
  test('no more servers than allowed have their turn, also when they ask in the same moment', () => {
    const rollout = new ChangeRollout();
    const all = ['a', 'b', 'c'].map((name) => server(name));
    const turns = all.map((one) => rollout.turn(change, one, network({ maxConcurrentServers: 2 }), all));
    expect(turns).toEqual(['begin', 'begin', 'wait']);
  });

  test('none begins after as many failures as allowed, or an abort', () => {
    const rollout = new ChangeRollout();
    const next = server('b');
    expect(rollout.turn(change, next, network({ maxFailures: 1 }), [ended('a', failed), next])).toBe('skip');
    expect(rollout.turn(change, next, network({}, true), [next])).toBe('skip');
  });

  test('a server whose call was queued is skipped when the change is stopped meanwhile, one that was called continues', () => {
    const rollout = new ChangeRollout();
    const [queued, called] = [server('a', begun), server('b', begun)];
    for (const one of [queued, called]) {
      rollout.stored(change, one);
      expect(rollout.turn(change, one, network({}), [])).toBe('begin');
    }
    expect(rollout.call(change, called, network({}), [])).toBe('begin');
    expect(rollout.call(change, queued, network({}, true), [])).toBe('skip');
    expect(rollout.call(change, called, network({}, true), [])).toBe('begin');
  });

  test('a beginning that an earlier leader stored is continued and takes a slot, whenever it was stored', () => {
    const rollout = new ChangeRollout();
    const [inherited, next] = [server('a', begun), server('b')];
    const all = [inherited, next];
    const canary = network({ maxConcurrentServers: 1, maxFailures: 1 });
    expect(rollout.turn(change, next, canary, all)).toBe('wait');
    expect(rollout.turn(change, inherited, network({ maxConcurrentServers: 1 }, true), all)).toBe('begin');
    expect(rollout.call(change, inherited, network({}, true), all)).toBe('begin');
  });

  test('a server that is gone is forgotten', () => {
    const rollout = new ChangeRollout();
    const gone = server('a');
    rollout.stored(change, gone);
    rollout.call(change, gone, network({}), []);
    expect(rollout.isCalled(change, gone)).toBe(true);
    rollout.forget(gone);
    expect(rollout.isCalled(change, gone)).toBe(false);
  });
});
