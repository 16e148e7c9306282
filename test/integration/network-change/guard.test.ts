import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { activeDirectory, ldap, passwordSecret, share } from '../manifests.ts';
import { TestCluster } from '../test-cluster.ts';
import { ad, appliedTo, condition, Scene } from './scene.ts';

const update = 'updateShareServerSecurityService';
const check = 'checkUpdateShareServerSecurityService';

describe('what a change of security services waits for or is refused by', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster.stop();
  });

  /** Waits until the network says why nothing is done; no driver was asked for anything then. */
  async function stands(scene: Scene, type: 'Reconciling' | 'Stalled', reason: string): Promise<string> {
    const network = await scene.network(
      `${type} ${reason}`,
      (object) => condition(object, type)?.status === 'True' && condition(object, type)?.reason === reason,
    );
    expect(condition(network, 'Ready')).toMatchObject({ status: 'False', reason });
    expect(network.status?.phase).toBe('active');
    expect(network.status?.securityServices?.map(({ name }) => name)).toEqual(['ad-a']);
    expect(await scene.started(update)).toEqual([]);
    expect(await scene.started(check)).toEqual([]);
    return condition(network, 'Ready')?.message ?? '';
  }

  test('a service that does not exist is waited for, and its arrival lets the change go on', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    await scene.refer([ad('later')]);
    expect(await stands(scene, 'Reconciling', 'SecurityServiceNotFound')).toContain('later');
    await cluster.apply(
      passwordSecret(scene.namespace, 'later-password', 'secret-of-later'),
      activeDirectory(scene.namespace, 'later'),
    );
    await scene.changed('Succeeded');
  });

  test('an entry whose service is of another type is refused, a removed entry as well', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    await cluster.apply(passwordSecret(scene.namespace, 'dir-password', 'secret-of-dir'), ldap(scene.namespace, 'dir'));
    await scene.refer([ad('dir')]);
    expect(await stands(scene, 'Stalled', 'SecurityServiceTypeMismatch')).toContain('dir');
    await scene.refer([]);
    expect(await stands(scene, 'Stalled', 'ShareNetworkInUse')).toContain('active_directory');
    await scene.refer([ad('ad-a')]);
    await scene.network('ready', (network) => condition(network, 'Ready')?.status === 'True');
  });

  test('servers that can not be updated refuse the change until an administrator patches them', async () => {
    const scene = await Scene.make(cluster, { shares: 2 });
    const name = await scene.serverName(0);
    const patch = (support: boolean) =>
      scene.kubectl(
        'patch',
        'shsrv',
        name,
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { securityServiceUpdateSupport: support } }),
      );
    await patch(false);
    await scene.network('not able', ({ status }) => status?.securityServiceUpdateSupport === false);
    await scene.refer([ad('ad-b')]);
    expect(await stands(scene, 'Stalled', 'SecurityServiceUpdateNotSupported')).toContain(name);
    await patch(true);
    await scene.changed('Succeeded');
  });

  test('a backend without the capability refuses the change', async () => {
    const scene = await Scene.make(cluster, { shares: 1, dummy: { securityServiceUpdateSupport: false } });
    const [server] = await scene.servers();
    expect(server?.spec.securityServiceUpdateSupport).toBe(false);
    await scene.refer([ad('ad-b')]);
    await stands(scene, 'Stalled', 'SecurityServiceUpdateNotSupported');
    await scene.kubectl(
      'patch',
      'shsrv',
      server?.metadata.name ?? '',
      '--type=merge',
      '-p',
      '{"spec":{"securityServiceUpdateSupport":true}}',
    );
    await stands(scene, 'Stalled', 'SecurityServiceUpdateNotSupported');
  });

  test('a backend that is switched off is waited for', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const enable = (enabled: boolean) =>
      cluster.kubectl('patch', 'sbe', scene.backendName, '--type=merge', '-p', JSON.stringify({ spec: { enabled } }));
    await enable(false);
    await scene.refer([ad('ad-b')]);
    expect(await stands(scene, 'Reconciling', 'BackendUnavailable')).toContain(scene.backendName);
    await enable(true);
    await scene.changed('Succeeded');
  });

  test('a server in error by an administrator, or paused, is waited for', async () => {
    const scene = await Scene.make(cluster, { shares: 2 });
    const name = await scene.serverName(1);
    await scene.reset('shareserver', name, 'error');
    await scene.network('sees it', ({ status }) => status?.shareServers?.error === 1);
    await scene.refer([ad('ad-b')]);
    expect(await stands(scene, 'Reconciling', 'ShareServerNotActive')).toContain(name);
    await scene.annotate('shsrv', name, 'sharenet.io/paused=true');
    await scene.reset('shareserver', name, 'active');
    await scene.network('paused', (network) => condition(network, 'Ready')?.message.includes('paused') === true);
    await stands(scene, 'Reconciling', 'ShareServerNotActive');
    await scene.annotate('shsrv', name, 'sharenet.io/paused-');
    await scene.changed('Succeeded');
  });

  test('a paused share is waited for', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    await scene.annotate('shr', 'share-0', 'sharenet.io/paused=true');
    await cluster.until(
      shares,
      { namespace: scene.namespace, name: 'share-0' },
      'paused',
      (object) => condition(object, 'Ready')?.reason === 'Paused',
    );
    await scene.refer([ad('ad-b')]);
    expect(await stands(scene, 'Reconciling', 'ShareBusy')).toContain('share-0');
    await scene.annotate('shr', 'share-0', 'sharenet.io/paused-');
    await scene.changed('Succeeded');
  });

  test('an incomplete service, a missing and an unmarked Secret are waited for', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const { namespace } = scene;
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name: 'unmarked-password' },
      stringData: { password: 'not for you' },
    });
    const complete = activeDirectory(namespace, 'unmarked');
    const { domain: _domain, ...incomplete } = complete.spec;
    await cluster.apply({ ...complete, spec: incomplete });
    await scene.refer([ad('unmarked')]);
    expect(await stands(scene, 'Reconciling', 'SecurityServiceIncomplete')).toContain('domain');
    await cluster.apply(complete);
    await scene.network('Secret', (network) => condition(network, 'Ready')?.message.includes('Secret') === true);
    await stands(scene, 'Reconciling', 'SecurityServiceIncomplete');
    await scene.annotate('secret', 'unmarked-password', 'just=looking');
    await scene.kubectl('label', 'secret', 'unmarked-password', 'sharenet.io/credentials=true');
    await scene.changed('Succeeded');
  });

  test('a paused network starts nothing and goes on when the pause ends', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    await scene.annotate('shnet', 'net', 'sharenet.io/paused=true');
    await scene.refer([ad('ad-b')]);
    await stands(scene, 'Reconciling', 'Paused');
    await scene.annotate('shnet', 'net', 'sharenet.io/paused-');
    await scene.changed('Succeeded');
  });

  test('the check annotation asks guard and drivers, changes nothing, and is answered again when the content changes', async () => {
    const scene = await Scene.make(cluster, { shares: 2 });
    const answered = (what: string, holds: (message: string, compatible: boolean) => boolean) =>
      scene.network(what, ({ status }) =>
        status?.check === undefined ? false : holds(status.check.message ?? '', status.check.compatible),
      );
    await scene.annotate('shnet', 'net', 'sharenet.io/check-security-services=active_directory=later');
    const missing = await answered('missing', (_message, compatible) => !compatible);
    expect(missing.status?.check?.reason).toBe('SecurityServiceNotFound');
    await cluster.apply(
      passwordSecret(scene.namespace, 'later-password', 'secret-of-later'),
      activeDirectory(scene.namespace, 'later'),
    );
    const good = await answered('compatible', (_message, compatible) => compatible);
    expect(good.status?.check?.request).toBe('active_directory=later');
    expect(good.status?.check?.servers).toHaveLength(2);
    expect(good.status?.check?.servers?.[0]).toMatchObject({ compatible: true, disruptsSessions: true });
    await scene.faults({
      operation: check,
      kind: 'incompatible',
      match: { securityService: 'ad-c' },
      message: 'no such site',
    });
    await scene.annotate('shnet', 'net', 'sharenet.io/check-security-services=active_directory=ad-c');
    const bad = await answered(
      'incompatible',
      (message, compatible) => !compatible && message.includes('no such site'),
    );
    expect(bad.status?.phase).toBe('active');
    expect(condition(bad, 'Ready')?.status).toBe('True');
    expect(await scene.started(update)).toEqual([]);
    await scene.annotate('shnet', 'net', 'sharenet.io/check-security-services-');
    await scene.network('no answer', ({ status }) => status?.check === undefined);
  });

  test('the check annotation is answered with "not now" while nothing may begin, and no driver is asked', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const request = 'active_directory=ad-c';
    const annotation = 'sharenet.io/check-security-services';
    const answered = async (what: string, expected: { compatible: boolean; reason?: string; says?: string }) => {
      const { status } = await scene.network(
        what,
        (network) =>
          network.status?.check?.compatible === expected.compatible &&
          network.status.check.reason === expected.reason &&
          (network.status.check.message ?? '').includes(expected.says ?? ''),
      );
      expect(status?.check?.request).toBe(request);
    };
    const notActive = { compatible: false, reason: 'ShareNetworkNotActive' };
    await scene.annotate('shnet', 'net', `${annotation}=${request}`);
    await answered('compatible', { compatible: true });
    expect(await scene.started(check)).toHaveLength(1);

    await scene.annotate('shnet', 'net', 'sharenet.io/paused=true');
    await answered('paused', { compatible: false, reason: 'Paused', says: 'not now: ' });
    await scene.annotate('shnet', 'net', `${annotation}-`);
    await scene.network('no answer', ({ status }) => status?.check === undefined);
    await scene.annotate('shnet', 'net', `${annotation}=${request}`);
    await answered('still paused', { compatible: false, reason: 'Paused' });
    await scene.annotate('shnet', 'net', 'sharenet.io/paused-');
    // Of the present, not what was said before the pause.
    await answered('compatible again', { compatible: true });
    expect(await scene.started(check)).toHaveLength(2);

    await scene.reset('sharenetwork', 'net', 'network_change');
    await answered('maintenance', { ...notActive, says: 'in maintenance' });
    await scene.reset('sharenetwork', 'net', 'error');
    await answered('error', { ...notActive, says: 'the phase is error' });
    expect(await scene.started(check)).toHaveLength(2);
    await scene.reset('sharenetwork', 'net', 'active');
    await answered('active again', { compatible: true });

    await scene.faults({ operation: update, kind: 'unavailable', message: 'not reached' });
    await scene.refer([ad('ad-b')]);
    await answered('in a change', { ...notActive, says: 'share servers are being given active_directory ad-b' });
    await scene.faults();
    await scene.changed('Succeeded');
    await answered('after the change', { compatible: true });
  });

  test('a share that waits for the missing service does not block the change that brings it', async () => {
    const scene = await Scene.make(cluster, { services: [] });
    const { namespace } = scene;
    await cluster.apply(scene.share('nfs'));
    await scene.shareAvailable('nfs');
    await cluster.apply(
      share(namespace, 'cifs', { protocol: 'CIFS', shareNetworkName: 'net', backendName: scene.backendName }),
    );
    await cluster.until(
      shares,
      { namespace, name: 'cifs' },
      'waits',
      (object) => condition(object, 'Ready')?.reason === 'SecurityServiceRequired',
    );
    await scene.refer([ad('ad-a')]);
    await scene.changed('Succeeded');
    await scene.shareAvailable('cifs');
    for (const server of await scene.servers()) expect(appliedTo(server)).toEqual(['ad-a']);
  });
});
