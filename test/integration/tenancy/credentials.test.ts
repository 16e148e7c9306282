import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareNetworks,
  shareServers,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { SecurityServiceSpec } from '../../../src/api/v1alpha1/security-service.ts';
import { driverModules, withVendorDriver } from '../../../src/drivers/registry.ts';
import { readConfig } from '../../../src/process/config.ts';
import { runOperator } from '../../../src/process/run-operator.ts';
import { createLogger } from '../../../src/runtime/logger.ts';
import { eventually } from '../../faults/eventually.ts';
import { restsWith } from '../crash/agreement.ts';
import { activeDirectory, network, passwordSecret, share } from '../manifests.ts';
import { RawRequests } from '../rbac/raw-request.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { vaultDriver, vaultDriverName } from './vault-driver.ts';

const operatorNamespace = 'sharenet-system';

/** A Secret like those of passwordSecret, with any bytes, given in base64. */
function passwordOfBytes(namespace: string, name: string, password: string): object {
  const metadata = { namespace, name, labels: { 'sharenet.io/credentials': 'true' } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data: { password } };
}

describe('passwords of security services', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const unmarked = (namespace: string, name: string, labels: Readonly<Record<string, string>> = {}) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name, labels },
    stringData: { password: `word-of-${namespace}-${name}` },
  });

  async function until(namespace: string, name: string, reason: string) {
    return await cluster.until(
      securityServices,
      { namespace, name },
      reason,
      (service) => conditionOf(service, 'Ready').split('/')[1] === reason,
    );
  }

  /** What set-ups and updates on this network were given. */
  async function passwordsGiven(tenant: Tenant): Promise<readonly unknown[]> {
    const calls = [
      ...(await tenant.callsOf('setupServer')),
      ...(await tenant.callsOf('updateShareServerSecurityService')),
    ];
    return calls.map(({ args }) => JSON.stringify(args).match(/"passwordSet":(true|false)/g));
  }

  test.each([
    { what: 'without the label', labels: {} },
    { what: 'with another value of it', labels: { 'sharenet.io/credentials': 'false' } },
    { what: 'with a label that looks like it', labels: { 'sharenet.io.evil.example/credentials': 'true' } },
    { what: 'marked as an access key', labels: { 'sharenet.io/access-key': 'true' } },
  ])('a Secret $what is sent nowhere', async ({ labels }) => {
    const tenant = await Tenant.make(cluster, { driverHandlesShareServers: true });
    const { namespace, backendName } = tenant;
    await cluster.apply(
      unmarked(namespace, 'ad-password', labels),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      share(namespace, 'share', { backendName, shareNetworkName: 'net' }),
    );
    // Looked at with everything in place, not in the moment before the Secret was seen.
    await tenant.untilShare('share', 'waits', (object) => conditionOf(object, 'Ready').startsWith('False'));
    await tenant.kubectl('annotate', 'securityservice', 'ad', 'sharenet.io/reconcile-requested-at=1');
    const name = { namespace, name: 'ad' };
    const told = await cluster.until(
      securityServices,
      name,
      'looked at',
      ({ status }) => status?.lastHandledReconcileAt === '1',
    );
    expect(conditionOf(told, 'Ready')).toBe('False/CredentialsNotFound');
    expect(messageOf(told, 'Ready')).toContain('lacks the label sharenet.io/credentials: "true"');
    expect(told.status?.credentialsVersion).toBeUndefined();
    expect((await passwordsGiven(tenant)).flat()).not.toContain('"passwordSet":true');
  });

  test('a Secret is used from when it is marked, and no more when it is unmarked', async () => {
    const tenant = await Tenant.make(cluster, { driverHandlesShareServers: true });
    const { namespace } = tenant;
    const net = { namespace, name: 'net' };
    await cluster.apply(
      unmarked(namespace, 'ad-password'),
      unmarked(namespace, 'ad-2-password'),
      activeDirectory(namespace, 'ad'),
      activeDirectory(namespace, 'ad-2'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
    );
    await until(namespace, 'ad', 'CredentialsNotFound');
    await tenant.kubectl('label', 'secret', 'ad-password', 'sharenet.io/credentials=true');
    await until(namespace, 'ad', 'Complete');
    await tenant.makeShares(['share'], { shareNetworkName: 'net' });
    expect((await passwordsGiven(tenant)).flat()).toEqual(['"passwordSet":true']);

    await tenant.kubectl('label', 'secret', 'ad-password', 'sharenet.io/credentials-');
    await until(namespace, 'ad', 'CredentialsNotFound');
    // What runs with it is left alone; a service with an unmarked one is not changed to.
    await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
    await cluster.apply(network(namespace, 'net', [{ type: 'active_directory', name: 'ad-2' }]));
    const refused = await cluster.until(
      shareNetworks,
      net,
      'refused',
      (stored) => conditionOf(stored, 'Ready').startsWith('False') && messageOf(stored, 'Ready').includes('ad-2'),
    );
    expect(refused.status?.phase).toBe('active');
    expect(await tenant.callsOf('updateShareServerSecurityService')).toEqual([]);
    await tenant.kubectl('label', 'secret', 'ad-2-password', 'sharenet.io/credentials=true');
    await cluster.until(shareNetworks, net, 'changed', (stored) => restsWith(stored, 'ad-2'));
  });

  test('a Secret that is bound to one service is not sent where another says', async () => {
    const { namespace } = await Tenant.make(cluster);
    const bound = passwordSecret(namespace, 'bound', 'word') as { metadata: object };
    await cluster.apply(
      {
        ...bound,
        metadata: { ...bound.metadata, annotations: { 'sharenet.io/credentials-for': 'ad, ad-b' } },
      },
      ...['ad', 'ad-b', 'ad-c', 'ad-'].map((name) =>
        activeDirectory(namespace, name.replace(/-$/, '-x'), { passwordSecretRef: { name: 'bound' } }),
      ),
    );
    await until(namespace, 'ad', 'Complete');
    await until(namespace, 'ad-b', 'Complete');
    await until(namespace, 'ad-c', 'CredentialsNotBound');
    await until(namespace, 'ad-x', 'CredentialsNotBound');
  });

  test.each([
    ['ends with a line feed', btoa('hunter2\n'), 'ends with a line break'],
    ['is not UTF-8', btoa('p\xe4ss'), 'is not UTF-8 text'],
    ['has a NUL', btoa('p\0ss'), 'contains a control character'],
    ['is empty', '', 'is empty'],
  ])('a password that %s is refused where it is read, and used when it is corrected', async (_what, content, words) => {
    const tenant = await Tenant.make(cluster, { driverHandlesShareServers: true });
    const { namespace, backendName } = tenant;
    await cluster.apply(
      passwordOfBytes(namespace, 'ad-password', content),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      share(namespace, 'share', { backendName, shareNetworkName: 'net' }),
    );
    const told = await until(namespace, 'ad', 'PasswordInvalid');
    expect(conditionOf(told, 'Stalled')).toBe('True/PasswordInvalid');
    expect(messageOf(told, 'Ready')).toContain(`the password in Secret ad-password, key password, ${words}`);
    expect(told.status?.credentialsVersion).toBeUndefined();
    await tenant.untilShare('share', 'waits', (object) => conditionOf(object, 'Ready').startsWith('False'));
    expect(await passwordsGiven(tenant)).toEqual([]);

    await cluster.apply(passwordSecret(namespace, 'ad-password', 'hunter2'));
    await until(namespace, 'ad', 'Complete');
    await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
    expect((await passwordsGiven(tenant)).flat()).toEqual(['"passwordSet":true']);
  });

  test('who may change services but read no Secret can not have a password sent where its Secret does not say', async () => {
    const tenant = await Tenant.make(cluster, { driverHandlesShareServers: true });
    const { namespace, backendName } = tenant;
    const bound = passwordSecret(namespace, 'bound', 'word') as { metadata: object };
    const annotations = {
      'sharenet.io/credentials-destinations': 'ldap.corp.test, Corp.Test., 10.9.0.0/24, 2001:db8::a',
    };
    await cluster.apply({ ...bound, metadata: { ...bound.metadata, annotations } });
    await tenant.kubectl('create', 'rolebinding', 'writer', '--clusterrole=sharenet-edit', `--user=${namespace}`);
    const user = { user: namespace };
    const about = { group: 'sharenet.io', resource: 'securityservices', namespace };
    await cluster.untilMay(user, { ...about, verb: 'create' });
    const requests = await RawRequests.of(cluster.plane, user);
    const path = `/apis/sharenet.io/v1alpha1/namespaces/${namespace}/securityservices`;
    const secret = { name: 'bound' };
    const cases: readonly (readonly [reason: string, spec: Partial<SecurityServiceSpec>])[] = [
      ['Complete', { servers: ['LDAP.corp.test'] }],
      ['Complete', { servers: ['10.9.0.7:636', '[2001:DB8:0::A]:636'], dnsIPs: ['192.0.2.1'] }],
      ['Complete', { domain: 'CORP.test', dnsIPs: ['10.9.0.53'] }],
      ['CredentialsDestinationNotAllowed', { servers: ['evil.test'] }],
      ['CredentialsDestinationNotAllowed', { servers: ['ldap.corp.test', 'evil.test'] }],
      ['CredentialsDestinationNotAllowed', { servers: ['ldap.corp.test.evil.test'] }],
      ['CredentialsDestinationNotAllowed', { servers: ['10.9.1.7'] }],
      ['CredentialsDestinationNotAllowed', { servers: ['2001:db8::b'] }],
      ['CredentialsDestinationNotAllowed', { servers: ['ldap.corp.test'], dnsIPs: ['192.0.2.1'] }],
      ['CredentialsDestinationNotAllowed', { domain: 'corp.test', dnsIPs: ['192.0.2.1'] }],
      ['CredentialsDestinationNotAllowed', { domain: 'evil.test', dnsIPs: ['10.9.0.53'] }],
      ['CredentialsDestinationNotAllowed', { type: 'active_directory', domain: 'corp.test', dnsIPs: ['192.0.2.1'] }],
    ];
    for (const [index, [, fields]] of cases.entries()) {
      const spec = { type: 'ldap', user: 'cn=joiner', passwordSecretRef: secret, ...fields };
      const service = { ...activeDirectory(namespace, `service-${index}`), spec };
      expect(await requests.send('POST', path, service)).toMatchObject({ code: 201 });
    }
    for (const [index, [reason]] of cases.entries()) await until(namespace, `service-${index}`, reason);
    expect((await requests.send('GET', `/api/v1/namespaces/${namespace}/secrets/bound`)).code).toBe(403);

    // An edit of one that was right before it is used.
    const net = (name: string) => network(namespace, 'net', [{ type: 'ldap', name }]);
    const edit = { spec: { servers: ['evil.test'] } };
    expect(await requests.send('PATCH', `${path}/service-0`, edit)).toMatchObject({ code: 200 });
    await until(namespace, 'service-0', 'CredentialsDestinationNotAllowed');
    await cluster.apply(net('service-0'), share(namespace, 'share', { backendName, shareNetworkName: 'net' }));
    await eventually('the share server waits', async () => {
      const { items } = await cluster.client.list(shareServers, { namespace });
      return items.some((server) => messageOf(server, 'Ready').includes('sharenet.io/credentials-destinations'));
    });
    expect(await passwordsGiven(tenant)).toEqual([]);
    await cluster.apply(net('service-1'));
    await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
    expect((await passwordsGiven(tenant)).flat()).toEqual(['"passwordSet":true']);

    // From when the Secret is for another place, not even the tear-down gets it.
    await tenant.kubectl(
      'annotate',
      '--overwrite',
      'secret',
      'bound',
      'sharenet.io/credentials-destinations=other.test',
    );
    await until(namespace, 'service-1', 'CredentialsDestinationNotAllowed');
    await tenant.kubectl('delete', 'share/share', 'sharenetwork/net', '--timeout=30s');
    const [teardown] = await tenant.callsOf('teardownServer');
    expect(JSON.stringify(teardown?.args)).toContain('"passwordSet":false');
    await requests.close();
  });

  test('no way of writing the name leads out of the namespace', async () => {
    const owner = await Tenant.make(cluster);
    const { namespace } = await owner.neighbour();
    await cluster.apply(passwordSecret(owner.namespace, 'theirs', 'word'));
    for (const name of [
      `${owner.namespace}/theirs`,
      `../${owner.namespace}/theirs`,
      `../../namespaces/${owner.namespace}/secrets/theirs`,
      `..%2f${owner.namespace}%2ftheirs`,
      'theirs?namespace=x',
      '..',
    ]) {
      const service = activeDirectory(namespace, 'ad', { passwordSecretRef: { name } });
      const { code, stderr } = await cluster.plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(service) });
      expect([code, stderr], name).toEqual([1, expect.stringContaining('spec.passwordSecretRef.name')]);
    }
    await cluster.apply(activeDirectory(namespace, 'ad', { passwordSecretRef: { name: 'theirs' } }));
    await until(namespace, 'ad', 'CredentialsNotFound');
  });

  test("a service in the operator's namespace is refused, and gets none of the Secrets there", async () => {
    const namespace = operatorNamespace;
    const { backendName } = await Tenant.make(cluster, { driverHandlesShareServers: true });
    await cluster.apply(
      passwordSecret(namespace, 'backend-credentials', 'word-of-backend'),
      activeDirectory(namespace, 'ad', { passwordSecretRef: { name: 'backend-credentials' } }),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      share(namespace, 'share', { backendName, shareNetworkName: 'net' }),
    );
    await until(namespace, 'ad', 'NamespaceNotAllowed');
    await cluster.until(shareNetworks, { namespace, name: 'net' }, 'refused', (stored) =>
      conditionOf(stored, 'Ready').startsWith('False'),
    );
    expect((await cluster.calls()).filter((call) => call.namespace === namespace)).toEqual([]);
    await cluster.kubectl('delete', 'shares,sharenetworks,securityservices', '--all', '-n', namespace, '--timeout=30s');
  });
});

describe('passwords where every Secret must name its destinations', () => {
  test('a Secret that names none is used for nothing, and one that does is used', async () => {
    const cluster = await TestCluster.start();
    try {
      await cluster.startOperator('--require-credential-destinations');
      const namespace = await cluster.namespace();
      await cluster.apply(passwordSecret(namespace, 'ad-password', 'word'), activeDirectory(namespace, 'ad'));
      const until = (reason: string) =>
        cluster.until(securityServices, { namespace, name: 'ad' }, reason, (service) =>
          conditionOf(service, 'Ready').endsWith(`/${reason}`),
        );
      const refused = await until('CredentialsDestinationsRequired');
      expect(messageOf(refused, 'Ready')).toContain('which this installation requires');
      await cluster.kubectl(
        ...[
          '-n',
          namespace,
          'annotate',
          'secret',
          'ad-password',
          'sharenet.io/credentials-destinations=ad.example.com',
        ],
      );
      await until('Complete');
    } finally {
      await cluster.stop();
    }
  }, 120_000);
});

describe('credentials of backends', () => {
  let cluster: TestCluster;
  let ended: Promise<void>;
  const stop = new AbortController();
  const given: { readonly backendName: string; readonly credentials: Readonly<Record<string, string>> }[] = [];
  const lines: string[] = [];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    const flags = [`--kubeconfig=${cluster.operatorKubeconfig}`, '--metrics-bind-address=0'];
    const invocation = readConfig([...flags, '--health-probe-bind-address=0'], {});
    if (invocation.kind === 'text') throw new Error('no configuration');
    const modules = withVendorDriver(
      driverModules,
      vaultDriverName,
      vaultDriver((backendName, credentials) => given.push({ backendName, credentials })),
    );
    const destination = { write: (line: string) => lines.push(line) };
    const logger = createLogger({ level: 'trace', format: 'json', destination });
    ended = runOperator(invocation.config, logger, stop.signal, modules);
  }, 120_000);

  afterAll(async () => {
    stop.abort();
    await ended;
    await cluster?.stop();
  });

  const vault = (name: string, secretName: string) => ({
    apiVersion: 'sharenet.io/v1alpha1',
    kind: 'StorageBackend',
    metadata: { name },
    spec: { driver: vaultDriverName, parameters: { secretName } },
  });

  async function until(name: string, state: string) {
    return await cluster.until(
      storageBackends,
      { name },
      state,
      (stored) => conditionOf(stored, 'Ready') === state,
      30_000,
    );
  }

  test("come only from marked Secrets of the operator's namespace", async () => {
    const tenant = await cluster.namespace();
    await cluster.apply(
      passwordSecret(tenant, 'vault', 'word-of-tenant'),
      passwordSecret(tenant, 'planted', 'word-of-tenant'),
      passwordSecret(operatorNamespace, 'vault', 'word-of-operator'),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: operatorNamespace, name: 'unmarked' },
        stringData: { password: 'word-unmarked' },
      },
    );
    const missing = ['planted', `${tenant}/vault`, `../${tenant}/vault`, 'unmarked', 'sharenet-installation', '..'];
    await cluster.apply(
      vault('right', 'vault'),
      ...missing.map((secretName, index) => vault(`wrong-${index}`, secretName)),
    );
    await cluster.apply(passwordOfBytes(operatorNamespace, 'binary', '/w=='), vault('binary', 'binary'));
    const binaryTold = await until('binary', 'False/CredentialsNotText');
    expect(messageOf(binaryTold, 'Ready')).toContain('Secret binary: the content of key password is not UTF-8');
    await until('right', 'True/Available');
    for (const index of missing.keys()) {
      const told = await until(`wrong-${index}`, 'False/CredentialsNotFound');
      expect(messageOf(told, 'Ready')).toContain(`is not in namespace ${operatorNamespace}`);
    }
    expect(given).toEqual([{ backendName: 'right', credentials: { password: 'word-of-operator' } }]);

    // A tenant who changes their own Secret of that name changes nothing.
    await cluster.apply(passwordSecret(tenant, 'vault', 'word-of-tenant-2'));
    await cluster.apply(passwordSecret(operatorNamespace, 'vault', 'word-of-operator-2'));
    await cluster.until(storageBackends, { name: 'right' }, 'given the new word', () => given.length > 1, 30_000);
    expect(given.slice(1)).toEqual([{ backendName: 'right', credentials: { password: 'word-of-operator-2' } }]);
    expect(lines.join('')).not.toMatch(/word-of-|word-unmarked/);
  });
});
