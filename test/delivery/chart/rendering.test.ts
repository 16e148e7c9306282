import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { certificateSecretName } from '../../../src/admission/serving-certificate.ts';
import { injectedByCertManager, webhookServiceName } from '../../../src/admission/webhook-configuration.ts';
import { printedBy } from '../../../tools/go/run-program.ts';
import { chart, Helm, type Manifest, manifestsIn, namespaced, type Values } from './helm.ts';
import { comparable, differences } from './likeness.ts';

const config = join(import.meta.dirname, '../../../config');

const helm = await Helm.make();
afterAll(() => helm.remove());
/** What the chart makes of no values. */
const usual = await helm.render();

/** What kustomize makes of a base of config/. */
async function base(name: string): Promise<readonly Manifest[]> {
  return manifestsIn(await printedBy('kustomize', ['build', join(config, name)]));
}

/** The one object of a kind and name, as one of any fields. */
async function find(kind: string, name: string, values: Values, namespace?: string): Promise<Manifest | undefined> {
  return (await helm.render(values, namespace)).find((each) => each.kind === kind && each.metadata.name === name);
}

describe('the chart', () => {
  test('has nothing that helm lint complains of, also not when all is switched on', async () => {
    const everything = {
      ...{ commonLabels: { team: 'storage' }, env: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }] },
      metrics: {
        serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
        prometheusRule: { enabled: true },
      },
      webhook: { certManager: { enabled: true } },
    };
    await helm.run('lint', '--strict', chart);
    await helm.run('lint', '--strict', chart, ...(await helm.flagsOf(everything)));
    await helm.run('lint', '--strict', chart, ...(await helm.flagsOf(namespaced)));
  });

  test('has the version of the package', async () => {
    const { version } = JSON.parse(await readFile(join(chart, '../../package.json'), 'utf8'));
    const about = parse(await readFile(join(chart, 'Chart.yaml'), 'utf8'));
    expect([about.version, about.appVersion]).toEqual([version, version]);
  });

  test('takes the values that docs/install.md sets', async () => {
    const page = await readFile(join(chart, '../../docs/install.md'), 'utf8');
    const commands = [...page.matchAll(/^helm (?:install|upgrade) (?:.*\\\n)*.*$/gm)].map(([command]) => command);
    const settings = commands.map((each) => [...each.matchAll(/--set (?:'([^']+)'|(\S+))/g)]);
    expect(settings.map(({ length }) => length)).toEqual([1, 2, 0, 1]);
    for (const set of settings) {
      await helm.run('template', 'sharenet', chart, ...set.map(([, quoted, bare]) => `--set=${quoted ?? bare}`));
    }
  });

  test('brings the kinds when it is packed, each to be kept', async () => {
    await helm.run('package', chart, '--destination', helm.directory);
    const packed = manifestsIn(await helm.run('template', 'sharenet', join(helm.directory, 'sharenet-0.1.0.tgz')));
    const kinds = packed.filter(({ kind }) => kind === 'CustomResourceDefinition');
    // Else Helm would delete them, and with them all objects, when they are no longer in a release.
    const policies = kinds.map(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy']);
    expect(policies).toEqual(Array.from({ length: 6 }, () => 'keep'));
  });
});

describe('what the chart installs is what config/ does', () => {
  test('for the whole cluster', async () => {
    const ours = comparable(usual);
    const theirs = comparable((await base('default')).filter(({ kind }) => kind !== 'Namespace'));
    for (const key of differences(ours, theirs)) expect(ours.get(key), key).toEqual(theirs.get(key));
    expect(ours.size).toBe(theirs.size);
  });

  test('for the Prometheus Operator', async () => {
    const enabled = { enabled: true };
    const kinds = ({ kind }: Manifest) => kind === 'ServiceMonitor' || kind === 'PrometheusRule';
    const metrics = { serviceMonitor: enabled, prometheusRule: enabled };
    const ours = comparable((await helm.render({ metrics })).filter(kinds));
    expect(ours).toEqual(comparable(await base('prometheus')));
  });

  test('for some namespaces', async () => {
    const kinds = ({ kind }: Manifest) => kind !== 'CustomResourceDefinition' && kind !== 'Namespace';
    const ours = comparable((await helm.render(namespaced)).filter(kinds));
    const theirs = comparable((await base('namespaced')).filter(kinds));
    for (const key of differences(ours, theirs)) expect(ours.get(key), key).toEqual(theirs.get(key));
    expect(ours.size).toBe(theirs.size);
  });

  test('with the certificate by cert-manager', async () => {
    const ours = comparable(await helm.render({ webhook: { certManager: { enabled: true } } }));
    const theirs = comparable((await base('cert-manager')).filter(({ kind }) => kind !== 'Namespace'));
    for (const key of differences(ours, theirs)) expect(ours.get(key), key).toEqual(theirs.get(key));
    expect(ours.size).toBe(theirs.size);
  });
});

describe('the certificate by cert-manager', () => {
  const certificate = (manifests: readonly Manifest[]) =>
    manifests.find(({ kind, metadata }) => kind === 'Certificate' && metadata.name === 'sharenet-webhook');

  test('goes into the Secret that the operator serves, and the registration asks for its authority', async () => {
    const manifests = await helm.render({ webhook: { certManager: { enabled: true } } });
    expect(certificate(manifests)?.spec).toMatchObject({
      secretName: certificateSecretName,
      dnsNames: expect.arrayContaining([`${webhookServiceName}.sharenet-system.svc`]),
    });
    const registration = manifests.find(({ kind }) => kind === 'ValidatingWebhookConfiguration');
    expect(injectedByCertManager(registration)).toBe(true);
    expect(registration?.metadata.annotations).toEqual({
      'cert-manager.io/inject-ca-from': `sharenet-system/${certificate(manifests)?.metadata.name}`,
    });
  });

  test('is signed by an authority that stays when it is renewed, or by an issuer of yours alone', async () => {
    const manifests = await helm.render({ webhook: { certManager: { enabled: true } } });
    const named = (kind: string, name: string) =>
      manifests.find((each) => each.kind === kind && each.metadata.name === name)?.spec;
    const issuerOf = (spec: unknown) => (spec as { issuerRef: { name: string; kind: string } }).issuerRef;
    const signing = issuerOf(named('Certificate', 'sharenet-webhook'));
    expect(named(signing.kind, signing.name)).toEqual({ ca: { secretName: 'sharenet-webhook-authority' } });
    const authority = named('Certificate', 'sharenet-webhook-authority');
    expect(authority).toMatchObject({ isCA: true, secretName: 'sharenet-webhook-authority', duration: '87600h' });
    expect(named(issuerOf(authority).kind, issuerOf(authority).name)).toEqual({ selfSigned: {} });
    const issuerRef = { name: 'company', kind: 'ClusterIssuer' };
    const theirs = await helm.render({ webhook: { certManager: { enabled: true, issuerRef } } });
    expect(certificate(theirs)?.spec).toMatchObject({ issuerRef });
    const ofCertManager = theirs.filter(({ apiVersion }) => apiVersion.startsWith('cert-manager.io/'));
    expect(ofCertManager.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['Certificate', 'sharenet-webhook'],
    ]);
  });
});

describe('in another namespace and under another account', () => {
  const values = { serviceAccount: { name: 'storage' } };

  test('nothing speaks of the usual ones', async () => {
    const manifests = await helm.render(values, 'ops');
    const texts = manifests
      .filter(({ kind }) => kind !== 'CustomResourceDefinition')
      .map((each) => JSON.stringify(each));
    expect(texts.filter((each) => each.includes('sharenet-system'))).toEqual([]);
    const accounts = manifests.flatMap(({ subjects }) => (subjects === undefined ? [] : [subjects]));
    expect(new Set(accounts.map((each) => JSON.stringify(each)))).toEqual(
      new Set([JSON.stringify([{ kind: 'ServiceAccount', name: 'storage', namespace: 'ops' }])]),
    );
    expect(
      JSON.stringify(await find('ValidatingWebhookConfiguration', 'sharenet-validating-webhook', values, 'ops')),
    ).toContain('system:serviceaccount:ops:storage');
    const policy = await find('ValidatingAdmissionPolicy', 'sharenet-operator-secrets-ops', values, 'ops');
    expect(JSON.stringify(policy)).toContain('system:serviceaccount:ops:storage');
    expect(JSON.stringify(policy)).toContain('request.namespace == \\"ops\\"');
  });

  test('two operators for some namespaces have no object in common', async () => {
    const mine = { crds: { install: false }, rbac: { people: false } };
    const one = comparable(await helm.render({ ...mine, watchNamespaces: ['team-a'] }, 'ops-a'));
    const other = comparable(await helm.render({ ...mine, watchNamespaces: ['team-b'] }, 'ops-b'));
    expect([...one.keys()].filter((key) => other.has(key))).toEqual([]);
  });
});
