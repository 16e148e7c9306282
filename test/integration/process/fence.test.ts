import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { ApiProxy } from '../crash/api-proxy.ts';
import { OperatorProcess } from '../operator-process.ts';
import { Tenant } from '../tenant.ts';
import { type RecordedCall, TestCluster } from '../test-cluster.ts';

const elect = ['--leader-elect', '--leader-election-lease-duration=3'];

describe('a leader that is stopped in front of a driver call until another leads', () => {
  let cluster: TestCluster;
  let proxy: ApiProxy;
  let tenant: Tenant;
  const operators: OperatorProcess[] = [];

  async function start(kubeconfig: string): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start(kubeconfig, elect);
    operators.push(operator);
    return operator;
  }

  async function untilLeading(operator: OperatorProcess): Promise<void> {
    await eventually(
      'it leads',
      async () => /leader_election_master_status\{.*\} 1/.test(await operator.metrics()),
      60_000,
    );
  }

  /** Calls that have begun, without probes of the backend. */
  async function calls(): Promise<readonly RecordedCall[]> {
    return (await cluster.calls()).filter(
      ({ event, operation }) => event === 'start' && operation !== 'getCapabilities',
    );
  }

  beforeAll(async () => {
    cluster = await TestCluster.start();
    proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig);
    const first = await start(proxy.kubeconfigPath);
    await untilLeading(first);
    tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
  }, 120_000);

  afterAll(async () => {
    for (const operator of operators) {
      await operator.kill();
      await operator.forget();
    }
    await proxy?.stop();
    await cluster?.stop();
  });

  test('makes no call', { timeout: 120_000 }, async () => {
    const [first] = operators;
    if (first === undefined) throw new Error('no operator runs');
    const second = await start(cluster.operatorKubeconfig);
    // The last request before a recovery's call, made with the lease for it in hand.
    let stopped = false;
    proxy.decide = ({ method, url }) => {
      if (stopped || method !== 'GET' || !url.includes('/shareaccesses?') || !url.includes('fieldSelector'))
        return 'pass';
      stopped = true;
      process.kill(first.pid, 'SIGSTOP');
      return 'pass';
    };
    const before = (await calls()).length;
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=now');
    await eventually('stopped', async () => stopped, 30_000);
    await untilLeading(second);
    await tenant.untilShare('share', 'recovered', ({ status }) => status?.lastHandledReconcileAt === 'now');
    const made = await calls();
    expect(made.slice(before).map(({ operation }) => operation)).toEqual([
      'ensureShare',
      'ensureShare',
      'updateAccess',
    ]);
    process.kill(first.pid, 'SIGCONT');
    await first.ended();
    expect(await calls()).toEqual(made);
  });
});
