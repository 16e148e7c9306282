import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CephFSBackend } from '../../../../src/api/v1alpha1/cephfs-backend.ts';
import type { StorageBackendSpec } from '../../../../src/api/v1alpha1/storage-backend.ts';
import { operatorCapabilities } from '../../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { share } from '../../../integration/manifests.ts';
import { messageOf, type Tenant } from '../../../integration/tenant.ts';
import { newCephxKey } from '../../../labs/ceph/cephx-key.ts';
import { cephBackend, cephCredentials, operatorCephUser, operatorNamespace } from './ceph-backend.ts';
import { keySearch } from './key-search.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

let ceph: OperatorOnCeph;
let tenant: Tenant;
const holes: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];
const strayKeys: string[] = [];

beforeAll(async () => {
  ceph = await OperatorOnCeph.start();
  tenant = await ceph.tenant();
}, 120_000);

afterAll(async () => {
  for (const { server, sockets } of holes) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  await ceph?.stop();
});

/** Takes connections, says that and no more. @returns its address */
async function blackHole(greeting = ''): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.write(greeting);
  });
  holes.push({ server, sockets });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return typeof address === 'object' ? `127.0.0.1:${address?.port}` : '';
}

/** A key that opens nothing, which no text may show. */
function strayKey(type?: Parameters<typeof newCephxKey>[0]): string {
  const key = newCephxKey(type);
  strayKeys.push(key);
  return key;
}

/** What is wrong with a backend, and how it is set right. */
interface Mistake {
  readonly cephfs?: Partial<CephFSBackend>;
  readonly spec?: Partial<StorageBackendSpec>;
  /** Done before the backend is made. */
  readonly prepare?: () => Promise<unknown>;
  /** Reason of the Ready condition. */
  readonly reason: string;
  /** Texts in the message of the Ready condition. */
  readonly says: readonly string[];
  /** Where it is not the backend that has to be corrected. */
  readonly correct?: () => Promise<unknown>;
}

const credentials = (name: string, key: string) => async (): Promise<unknown> =>
  await ceph.cluster.apply(cephCredentials(name, key));

/** Gives the Secret the key of a user that may do what the documentation says. */
const rightCredentials = (name: string) => async (): Promise<unknown> =>
  await credentials(name, (await ceph.cephUser(operatorCephUser))?.key ?? '')();

const monitorsField = 'correct spec.cephfs.monitors';
/** What a backend has unless it says otherwise. */
const operationTimeoutMs = 60_000;
const secretField = 'userKey in the Secret that spec.cephfs.credentialsSecretName names';

// Side by side: they mostly wait for what does not answer.
describe('a backend with', () => {
  test.concurrent.each<[string, string, () => Mistake | Promise<Mistake>]>([
    [
      'a port where no one listens',
      'closed-port',
      () => ({
        cephfs: { monitors: ['127.0.0.1:1'] },
        reason: 'CephUnreachable',
        says: [monitorsField, '127.0.0.1:1: ECONNREFUSED'],
      }),
    ],
    [
      'a monitor that takes connections and never answers',
      'silent',
      async () => {
        const monitor = await blackHole();
        return {
          cephfs: { monitors: [monitor] },
          reason: 'CephUnreachable',
          says: [monitorsField, `${monitor}: no answer`],
        };
      },
    ],
    [
      'a monitor that greets as one of Ceph and never goes on',
      'greets',
      async () => {
        const monitor = await blackHole('ceph v2\n');
        return { cephfs: { monitors: [monitor] }, reason: 'CephUnreachable', says: [monitorsField, monitor] };
      },
    ],
    [
      'something else than a monitor',
      'not-ceph',
      async () => {
        const monitor = await blackHole('SSH-2.0-OpenSSH_9.2\r\n');
        return {
          cephfs: { monitors: [monitor] },
          reason: 'CephUnreachable',
          says: [monitorsField, `${monitor}: not a monitor of Ceph`],
        };
      },
    ],
    [
      'a monitor that takes longer than the operation timeout',
      'too-slow',
      async () => ({
        cephfs: { monitors: [await blackHole()] },
        spec: { operationTimeout: '2s' },
        reason: 'OperationTimeout',
        says: ['within 2 s'],
      }),
    ],
    [
      'a name that no one knows',
      'unknown-name',
      () => ({
        cephfs: { monitors: ['monitor.invalid:3300'] },
        reason: 'CephUnreachable',
        says: [monitorsField, 'monitor.invalid:3300: E'],
      }),
    ],
    [
      'the key of another user',
      'wrong-key',
      () => ({
        cephfs: { credentialsSecretName: 'wrong-key' },
        prepare: credentials('wrong-key', strayKey()),
        reason: 'CephLoginFailed',
        says: [`client.${operatorCephUser}`, secretField],
        correct: rightCredentials('wrong-key'),
      }),
    ],
    [
      'a key that is cut short',
      'short-key',
      () => ({
        cephfs: { credentialsSecretName: 'short-key' },
        prepare: credentials('short-key', strayKey().slice(0, 24)),
        reason: 'CredentialsInvalid',
        says: ['Secret short-key', 'not a whole key: it has 24 characters'],
        correct: rightCredentials('short-key'),
      }),
    ],
    [
      'a keyring with a key of someone else',
      'keyring',
      () => ({
        cephfs: { credentialsSecretName: 'keyring' },
        prepare: credentials('keyring', `[client.other]\n\tkey = ${strayKey()}\n`),
        reason: 'CredentialsInvalid',
        says: ['Secret keyring', 'userKey', `a keyring without an entry for client.${operatorCephUser}`],
        // A keyring is taken where it has the user's key.
        correct: async () => {
          const key = (await ceph.cephUser(operatorCephUser))?.key;
          await credentials('keyring', `[client.${operatorCephUser}]\n\tkey = ${key}\n\tcaps mon = "allow r"\n`)();
        },
      }),
    ],
    [
      'a key of a type that the library does not know',
      'new-key-type',
      () => ({
        cephfs: { credentialsSecretName: 'new-key-type' },
        prepare: credentials('new-key-type', strayKey('aes256k')),
        reason: 'LibraryTooOld',
        says: ['of type aes256k', 'librados2', '19.2.6, 20.2.4 or newer'],
        correct: rightCredentials('new-key-type'),
      }),
    ],
    [
      'a Secret whose key has another name',
      'other-name',
      () => ({
        cephfs: { credentialsSecretName: 'other-name' },
        prepare: async () => {
          const secret = { ...cephCredentials('other-name', ''), stringData: { key: strayKey() } };
          await ceph.cluster.apply(secret);
        },
        reason: 'CredentialsInvalid',
        says: ['Secret other-name', 'as userKey', 'is missing'],
        correct: rightCredentials('other-name'),
      }),
    ],
    [
      'no Secret',
      'no-secret',
      () => ({
        cephfs: { credentialsSecretName: 'no-secret' },
        reason: 'CredentialsNotFound',
        says: ['Secret no-secret', `namespace ${operatorNamespace}`],
        correct: rightCredentials('no-secret'),
      }),
    ],
    [
      'a Secret that is not marked as credentials',
      'no-label',
      () => ({
        cephfs: { credentialsSecretName: 'no-label' },
        prepare: async () => {
          await rightCredentials('no-label')();
          await ceph.cluster.kubectl(
            '-n',
            operatorNamespace,
            'label',
            'secret',
            'no-label',
            'sharenet.io/credentials-',
          );
        },
        reason: 'CredentialsNotFound',
        says: ['Secret no-label', 'label sharenet.io/credentials: "true"'],
        correct: async () =>
          await ceph.cluster.kubectl(
            '-n',
            operatorNamespace,
            'label',
            'secret',
            'no-label',
            'sharenet.io/credentials=true',
          ),
      }),
    ],
    [
      'a file system that is not there',
      'no-file-system',
      () => ({
        cephfs: { fsName: 'absent' },
        reason: 'FileSystemNotFound',
        says: ['"absent"', 'correct spec.cephfs.fsName'],
      }),
    ],
    [
      'a user that is not there',
      'no-user',
      () => ({
        cephfs: { user: 'absent' },
        reason: 'CephLoginFailed',
        says: ['client.absent', 'correct spec.cephfs.user'],
      }),
    ],
    [
      'a user without capabilities but to log in',
      'no-caps',
      () => ({
        cephfs: { user: 'no-caps', credentialsSecretName: 'no-caps' },
        prepare: async () => await credentials('no-caps', await ceph.lab.createUser('no-caps', { mon: 'allow r' }))(),
        reason: 'CephPermissionDenied',
        says: ['client.no-caps', 'mgr', 'docs/cephfs.md'],
        correct: async () => {
          const caps = Object.entries(operatorCapabilities).flat();
          await ceph.lab.succeed('mon', { prefix: 'auth caps', entity: 'client.no-caps', caps });
        },
      }),
    ],
  ])('%s says so within the operation timeout, and serves once that is corrected', async (_what, name, mistakeOf) => {
    const { cephfs, spec, prepare, reason, says, correct } = await mistakeOf();
    await prepare?.();
    await ceph.cluster.apply(cephBackend(name, ceph.lab, cephfs, spec));
    const told = await ceph.untilBackend(name, `False/${reason}`, operationTimeoutMs);
    for (const text of says) expect(messageOf(told, 'Ready')).toContain(text);
    await ceph.cluster.apply(share(tenant.namespace, name, { backendName: name, size: '16Mi' }));
    await tenant.untilShare(name, 'waits for it', (waiting) => messageOf(waiting, 'Ready').includes(name));
    // What the others do meanwhile is not touched.
    await ceph.makeShares(tenant, [`${name}-beside`]);

    if (correct === undefined) await ceph.cluster.apply(cephBackend(name, ceph.lab));
    else await correct();
    await ceph.untilBackend(name, 'True/Available', 45_000);
    await tenant.untilShare(name, 'made', ({ status }) => status?.phase === 'available');
  });

  test('monitors in the spelling of Ceph serve as the plain ones', async () => {
    const monitors = ceph.lab.monitors.map((monitor) => `mon_host = [v2:${monitor}/0]`);
    await ceph.cluster.apply(cephBackend('spelled', ceph.lab, { monitors }));
    await ceph.untilBackend('spelled', 'True/Available');
    await ceph.cluster.apply(share(tenant.namespace, 'spelled', { backendName: 'spelled', size: '16Mi' }));
    const made = await tenant.untilShare('spelled', 'made', ({ status }) => status?.phase === 'available');
    expect(made.status?.exportLocations?.[0]?.address).toBe(ceph.lab.monitors.join(','));
  });

  test('a monitor that is none is named in words', async () => {
    await ceph.cluster.apply(cephBackend('misspelled', ceph.lab, { monitors: ['2001:db8::1'] }));
    const told = await ceph.untilBackend('misspelled', 'False/InvalidConfiguration');
    expect(messageOf(told, 'Ready')).toContain(
      'spec.cephfs.monitors.0: "2001:db8::1" has an IPv6 address without brackets',
    );
  });

  test('values that Ceph could not take are refused by kubectl, which names the field', async () => {
    const wrong: readonly [Partial<CephFSBackend>, string][] = [
      [{ monitors: [] }, 'spec.cephfs.monitors'],
      [{ user: 'client.admin' }, 'spec.cephfs.user'],
      [{ fsName: 'a/b' }, 'spec.cephfs.fsName'],
      [{ group: '..' }, 'spec.cephfs.group'],
      [{ credentialsSecretName: '../ceph' }, 'spec.cephfs.credentialsSecretName'],
    ];
    for (const [cephfs, field] of wrong) {
      const input = JSON.stringify(cephBackend('refused', ceph.lab, cephfs));
      const { code, stderr } = await ceph.cluster.plane.kubectl(['apply', '-f', '-'], { input });
      expect([code, stderr]).toEqual([1, expect.stringContaining(field)]);
    }
  });
});

describe('on a CephFS share', () => {
  beforeAll(async () => {
    await ceph.makeShares(tenant, ['share']);
    await tenant.grant('good', 'share');
    await tenant.untilActive('good');
  });

  test.each([
    ['ip', '10.0.0.1'],
    ['user', 'alice'],
    ['cert', 'alice'],
  ] as const)(
    'a rule of type %s is an error that names the type to use, and the others stay',
    async (accessType, accessTo) => {
      const before = await tenant.rule('good');
      await tenant.grant(accessType, 'share', { accessType, accessTo });
      const rule = await tenant.untilError(accessType, 'AccessTypeNotSupported');
      expect(messageOf(rule, 'Ready')).toMatch(new RegExp(`type ${accessType} .*it supports: cephx`));
      expect(rule.status?.accessKeySecretRef).toBeUndefined();
      expect((await tenant.rule('good')).status).toEqual(before.status);
      expect(await ceph.cephUser(accessTo)).toBeUndefined();
    },
  );

  test.each(['a/b', '/', 'good/'])('the id %s is an error that says why, and the others stay', async (accessTo) => {
    const name = `slash-${accessTo.length}`;
    const users = await ceph.cephUsers();
    await tenant.grant(name, 'share', { accessTo });
    const rule = await tenant.untilError(name, 'AccessRejected');
    expect(messageOf(rule, 'Ready')).toBe(
      `the cephx id ${JSON.stringify(accessTo)} contains "/", which CephFS can't store`,
    );
    expect(await ceph.cephUsers()).toEqual(users);
    await tenant.kubectl('delete', 'shareaccess', name, '--timeout=30s');
    await tenant.untilActive('good');
    expect(await ceph.cephUsers()).toEqual(users);
  });

  test.each(['NFS', 'CIFS'] as const)(
    'a share of protocol %s waits, and says which protocol there is',
    async (protocol) => {
      const name = protocol.toLowerCase();
      await ceph.cluster.apply(
        share(tenant.namespace, name, { backendName: ceph.backendName, protocol, size: '16Mi' }),
      );
      const waiting = await tenant.untilShare(name, 'waits', (object) => messageOf(object, 'Ready').includes('CEPHFS'));
      expect(waiting.status?.phase).toBe('creating');
      expect(messageOf(waiting, 'Ready')).toContain(`does not support protocol ${protocol}`);
      await tenant.kubectl('delete', 'share', name, '--timeout=30s');
    },
  );
});

test('after all of that the operator is the one that was started, and no wrong key shows anywhere', async () => {
  expect((await fetch(`${ceph.operator.healthURL}/readyz`)).status).toBe(200);
  const placesOf = await keySearch(ceph);
  const shown = strayKeys
    .flatMap((key) => placesOf(key))
    .filter((place) => !place.startsWith(`Secret ${operatorNamespace}/`));
  expect(strayKeys.length).toBeGreaterThan(2);
  expect(shown).toEqual([]);
  await ceph.untilBackend(ceph.backendName, 'True/Available');
  await ceph.untilBackend(tenant.backendName, 'True/Available');
});
