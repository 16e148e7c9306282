import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { DummyFault } from '../../../src/drivers/dummy/config.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { restsWith } from '../crash/agreement.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { TestCluster } from '../test-cluster.ts';

interface WithConditions extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

const condition = (object: WithConditions | undefined, type: string) =>
  object?.status?.conditions?.find((one) => one.type === type);

describe('bad values', () => {
  let cluster: TestCluster;
  let namespace: string;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  beforeEach(async () => {
    namespace = await cluster.namespace();
    await withFaults();
  });

  const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);

  async function withFaults(...faults: readonly DummyFault[]): Promise<void> {
    await cluster.apply(backend('dummy', { stateDirectory: cluster.stateDirectory, faults }));
    await cluster.until(
      storageBackends,
      { name: 'dummy' },
      'in force',
      ({ metadata, status }) =>
        status?.observedGeneration === metadata.generation && status?.capabilities !== undefined,
    );
  }

  async function setUp(): Promise<void> {
    await cluster.apply(
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      manifest('ad-a'),
      share(namespace, 's0', { shareNetworkName: 'net' }),
      access(namespace, `${namespace}-alice`, 's0'),
    );
    await untilActive();
  }

  const untilActive = () =>
    cluster.until(
      shareAccesses,
      { namespace, name: `${namespace}-alice` },
      'active',
      ({ status }) => status?.phase === 'active',
    );

  /** What kubectl says to a manifest that is refused. */
  async function refusal(object: object): Promise<string> {
    const { code, stderr } = await cluster.plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
    expect(code, 'accepted').not.toBe(0);
    return stderr.trim();
  }

  test('that no schema knows are refused in one line, and what is stored stays', async () => {
    await setUp();
    const { metadata: before } = await cluster.client.get(shareNetworks, { namespace, name: 'net' });
    const manifestNow = manifest('ad-a');
    const many = Array.from({ length: 1000 }, (_, index) => ({
      ...manifestNow.spec.subnets?.[0],
      name: `subnet-${index}`,
    }));
    for (const { spec, says } of [
      { spec: { securityServises: [] }, says: /unknown field "spec\.securityServises"/ },
      {
        spec: { subnets: [{ name: 'default', networkType: 'flat', cidr: '10.20.0.0/16', gatewai: '10.20.0.1' }] },
        says: /unknown field "spec\.subnets\[0\]\.gatewai"/,
      },
      {
        spec: { ...manifestNow.spec, subnets: many },
        says: /spec\.subnets: Too many: 1000: must have at most \d+ items/,
      },
      {
        spec: { ...manifestNow.spec, description: 'x'.repeat(100_000) },
        says: /spec\.description: Too long: may not be more than \d+ (bytes|characters)/,
      },
    ]) {
      const text = await refusal({ ...manifestNow, spec });
      expect(text).toMatch(says);
      // kubectl may put a heading above, and the API server a note below that it stopped there.
      expect(
        text.split('\n').filter((line) => says.test(line)),
        text,
      ).toHaveLength(1);
    }
    const { metadata: after } = await cluster.client.get(shareNetworks, { namespace, name: 'net' });
    expect(after.resourceVersion).toBe(before.resourceVersion);
  });

  test.each([
    { name: 'too long', token: 'x'.repeat(65) },
    { name: 'with a line break', token: 'a\nb' },
    { name: 'not ASCII', token: 'grün' },
  ])('of request tokens ($name) are reported and start nothing', async ({ token }) => {
    await setUp();
    const calls = (await cluster.calls()).filter((call) => call.namespace === namespace).length;
    const targets: readonly {
      readonly type: ResourceType<WithConditions>;
      readonly name: string;
      readonly annotation: string;
    }[] = [
      { type: shareNetworks, name: 'net', annotation: 'sharenet.io/reapply-requested-at' },
      { type: shares, name: 's0', annotation: 'sharenet.io/reconcile-requested-at' },
    ];
    for (const { type, name, annotation } of targets) {
      await cluster.client.mergePatch(
        type,
        { namespace, name },
        { metadata: { annotations: { [annotation]: token } } },
      );
      const told = await cluster.until(
        type,
        { namespace, name },
        'told',
        (object) => condition(object, 'InvalidRequestToken')?.status === 'True',
      );
      expect(condition(told, 'InvalidRequestToken')?.message).toContain(annotation);
      expect(condition(told, 'Ready')?.status).toBe('True');
    }
    expect((await cluster.calls()).filter((call) => call.namespace === namespace)).toHaveLength(calls);
    for (const { type, name, annotation } of targets) {
      await cluster.client.mergePatch(type, { namespace, name }, { metadata: { annotations: { [annotation]: null } } });
      await cluster.until(
        type,
        { namespace, name },
        'taken back',
        (object) => condition(object, 'InvalidRequestToken') === undefined,
      );
    }
  });

  test('of references are reported in one line, and continue once they are corrected', async () => {
    await cluster.apply(
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad-a' }]),
      network(namespace, 'wrong-type', [{ type: 'ldap', name: 'ad-a' }]),
      share(namespace, 's0', { shareNetworkName: 'nett' }),
      share(namespace, 's1', { shareNetworkName: 'net', backendName: 'nowhere' }),
      access(namespace, 'lost', 'no-such-share'),
      activeDirectory(namespace, 'ad-a'),
    );
    const told: readonly {
      readonly type: ResourceType<WithConditions>;
      readonly name: string;
      readonly reason: RegExp;
      readonly text: RegExp;
    }[] = [
      { type: shareNetworks, name: 'wrong-type', reason: /SecurityServiceTypeMismatch/, text: /ad-a/ },
      { type: shares, name: 's0', reason: /ShareNetworkNotFound/, text: /nett/ },
      { type: shares, name: 's1', reason: /./, text: /nowhere/ },
      { type: shareAccesses, name: 'lost', reason: /ShareNotFound/, text: /no-such-share/ },
    ];
    for (const { type, name, reason, text } of told) {
      const object = await cluster.until(type, { namespace, name }, 'told', (one) => {
        const ready = condition(one, 'Ready');
        return ready?.status === 'False' && reason.test(ready.reason) && text.test(ready.message);
      });
      expect(condition(object, 'Ready')?.message).not.toMatch(/\n/);
    }
    await cluster.apply(
      passwordSecret(namespace, 'ad-a-password', 'secret-ad-a'),
      network(namespace, 'nett', [{ type: 'active_directory', name: 'ad-a' }]),
      network(namespace, 'wrong-type', [{ type: 'active_directory', name: 'ad-a' }]),
      share(namespace, 'no-such-share', { shareNetworkName: 'net' }),
    );
    const ready = (one: WithConditions) => condition(one, 'Ready')?.status === 'True';
    await cluster.until(shareNetworks, { namespace, name: 'wrong-type' }, 'ready', ready);
    await cluster.until(shares, { namespace, name: 's0' }, 'ready', ready);
    await cluster.until(shareAccesses, { namespace, name: 'lost' }, 'ready', ready);
  });

  test('in the words of a driver are cut to one line, and lose nothing', async () => {
    await setUp();
    const noise = `first \u0000\u001b[31m\r\n\u202e${'längst '.repeat(1500)}`;
    expect(Buffer.byteLength(noise)).toBeGreaterThan(10_000);
    const words = (operation: string, kind: DummyFault['kind'], match: DummyFault['match'] = {}): DummyFault => ({
      operation,
      kind,
      message: noise,
      match: { namespace, ...match },
    });
    await withFaults(
      words('createShare', 'rejected', { share: 'refused' }),
      words('updateAccess', 'ruleError', { accessTo: 'mallory' }),
      words('updateShareServerSecurityService', 'rejected'),
    );
    await cluster.apply(share(namespace, 'refused', { shareNetworkName: 'net' }), access(namespace, 'mallory', 's0'));
    await cluster.until(shares, { namespace, name: 'refused' }, 'error', ({ status }) => status?.phase === 'error');
    await cluster.until(
      shareAccesses,
      { namespace, name: 'mallory' },
      'error',
      ({ status }) => status?.phase === 'error',
    );
    await cluster.apply(manifest('ad-b'));
    await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      'failed',
      ({ status }) => status?.phase === 'active' && status.lastNetworkChange?.result === 'Failed',
    );
    const objects: {
      readonly items: readonly (WithConditions & { readonly note?: string; readonly message?: string })[];
    } = JSON.parse(
      await cluster.kubectl(
        'get',
        '-n',
        namespace,
        'shares,shareaccesses,shareservers,sharenetworks,events',
        '-o',
        'json',
      ),
    );
    const texts = objects.items.flatMap((object) => [
      ...(object.status?.conditions ?? []).map(({ message }) => message),
      ...(object.message === undefined ? [] : [object.message]),
    ]);
    const { items: servers } = await cluster.client.list(shareServers, { namespace });
    texts.push(...servers.flatMap(({ status }) => (status?.lastError === undefined ? [] : [status.lastError.message])));
    expect(texts.filter((text) => text.includes('längst')).length).toBeGreaterThanOrEqual(5);
    for (const text of texts) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is asserted
      expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
      expect(text.length).toBeLessThanOrEqual(1024);
    }
    await withFaults();
    await cluster.kubectl('annotate', '-n', namespace, 'sharenetwork', 'net', 'sharenet.io/reapply-requested-at=again');
    await cluster.until(shareNetworks, { namespace, name: 'net' }, 'changed', (stored) => restsWith(stored, 'ad-b'));
    await untilActive();
  });
});
