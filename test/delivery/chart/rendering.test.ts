import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { certificateSecretName } from '../../../src/admission/serving-certificate.ts';
import { injectedByCertManager, webhookServiceName } from '../../../src/admission/webhook-configuration.ts';
import { valuesDocument } from '../../../tools/chart/values-document.ts';
import { printedBy } from '../../../tools/go/run-program.ts';
import { chart, Helm, type Manifest, manifestsIn, type Values } from './helm.ts';
import { comparable, differences } from './likeness.ts';

const config = join(import.meta.dirname, '../../../config');
const namespaced = { watchNamespaces: ['team-a', 'team-b'], webhook: { enabled: false } };

let helm: Helm;
/** What the chart makes of no values. */
let usual: readonly Manifest[];

beforeAll(async () => {
  helm = await Helm.make();
  usual = await helm.render();
});

afterAll(async () => {
  await helm?.remove();
});

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
    expect(settings.map(({ length }) => length)).toEqual([1, 3, 0, 1]);
    for (const set of settings) {
      await helm.run('template', 'sharenet', chart, ...set.map(([, quoted, bare]) => `--set=${quoted ?? bare}`));
    }
  });

  test('brings the kinds when it is packed', async () => {
    await helm.run('package', chart, '--destination', helm.directory);
    const packed = manifestsIn(await helm.run('template', 'sharenet', join(helm.directory, 'sharenet-0.1.0.tgz')));
    expect(packed.filter(({ kind }) => kind === 'CustomResourceDefinition')).toHaveLength(6);
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
  });

  test('two operators for some namespaces have no object in common', async () => {
    const mine = { crds: { install: false }, rbac: { people: false }, webhook: { enabled: false } };
    const one = comparable(await helm.render({ ...mine, watchNamespaces: ['team-a'] }, 'ops-a'));
    const other = comparable(await helm.render({ ...mine, watchNamespaces: ['team-b'] }, 'ops-b'));
    expect([...one.keys()].filter((key) => other.has(key))).toEqual([]);
  });
});

describe('a value', () => {
  test.each<[string, Values, string, string, unknown]>([
    [
      'a digest wins over a tag',
      { image: { tag: 'x', digest: `sha256:${'0'.repeat(64)}` } },
      'Deployment',
      'sharenet-operator',
      {
        spec: { template: { spec: { containers: [{ image: `sharenet-operator@sha256:${'0'.repeat(64)}` }] } } },
      },
    ],
    [
      'flags of the operator',
      { operator: { logLevel: 'debug', leaseDurationSeconds: 5, installationID: 'east' } },
      'Deployment',
      'sharenet-operator',
      {
        spec: {
          template: {
            spec: {
              containers: [
                {
                  args: expect.arrayContaining([
                    '--log-level=debug',
                    '--leader-election-lease-duration=5',
                    '--installation-id=east',
                  ]),
                },
              ],
            },
          },
        },
      },
    ],
    [
      'no metrics',
      { metrics: { enabled: false } },
      'Deployment',
      'sharenet-operator',
      {
        spec: { template: { spec: { containers: [{ args: expect.arrayContaining(['--metrics-bind-address=0']) }] } } },
      },
    ],
    [
      'the port of the webhook in its policy',
      { webhook: { port: 10250 } },
      'NetworkPolicy',
      'sharenet-webhook',
      {
        spec: { ingress: [{ ports: [{ protocol: 'TCP', port: 10250 }] }] },
      },
    ],
    [
      'the port of the webhook behind its Service',
      { webhook: { port: 10250 } },
      'Service',
      'sharenet-webhook',
      {
        spec: { ports: [{ name: 'webhook', port: 443, targetPort: 10250 }] },
      },
    ],
    [
      'addresses of the API server',
      { networkPolicy: { apiServer: { ports: [8443], to: [{ ipBlock: { cidr: '192.0.2.8/29' } }] } } },
      'NetworkPolicy',
      'sharenet-operator',
      {
        spec: { egress: [{ ports: [{ port: 8443 }], to: [{ ipBlock: { cidr: '192.0.2.8/29' } }] }] },
      },
    ],
    [
      'a ServiceMonitor',
      { metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } } } },
      'ServiceMonitor',
      'sharenet-operator',
      {
        metadata: { labels: { release: 'prometheus' } },
      },
    ],
  ])('%s', async (_, values, kind, name, expected) => {
    expect(await find(kind, name, values)).toMatchObject(expected as object);
  });

  test.each<[string, Values, string, string]>([
    ['one Pod has no disruption budget', { replicas: 1 }, 'PodDisruptionBudget', 'sharenet-operator'],
    ['without metrics there is no Service for them', { metrics: { enabled: false } }, 'Service', 'sharenet-metrics'],
    ['without metrics nobody may scrape', { metrics: { enabled: false } }, 'NetworkPolicy', 'sharenet-metrics'],
    ['no network policies', { networkPolicy: { enabled: false } }, 'NetworkPolicy', 'sharenet-operator'],
    ['no rights', { rbac: { create: false } }, 'ClusterRole', 'sharenet-operator'],
    ['no kinds', { crds: { install: false } }, 'CustomResourceDefinition', 'shares.sharenet.io'],
    ['an account of yours', { serviceAccount: { create: false } }, 'ServiceAccount', 'sharenet-operator'],
  ])('%s', async (_, values, kind, name) => {
    expect(usual.some((each) => each.kind === kind && each.metadata.name === name)).toBe(true);
    expect(await find(kind, name, values)).toBeUndefined();
  });

  test('cert-manager writes the Secret that the operator serves, and the registration asks it for its authority', async () => {
    const manifests = await helm.render({ webhook: { certManager: { enabled: true } } });
    const certificate = manifests.find(({ kind }) => kind === 'Certificate');
    expect(certificate?.spec).toMatchObject({
      secretName: certificateSecretName,
      dnsNames: expect.arrayContaining([`${webhookServiceName}.sharenet-system.svc`]),
      issuerRef: { kind: 'Issuer', name: manifests.find(({ kind }) => kind === 'Issuer')?.metadata.name },
    });
    const registration = manifests.find(({ kind }) => kind === 'ValidatingWebhookConfiguration');
    expect(injectedByCertManager(registration)).toBe(true);
    expect(registration?.metadata.annotations).toEqual({
      'cert-manager.io/inject-ca-from': `sharenet-system/${certificate?.metadata.name}`,
    });
    const issuerRef = { name: 'company', kind: 'ClusterIssuer' };
    const theirs = await helm.render({ webhook: { certManager: { enabled: true, issuerRef } } });
    expect(theirs.find(({ kind }) => kind === 'Certificate')?.spec).toMatchObject({ issuerRef });
    expect(theirs.some(({ kind }) => kind === 'Issuer')).toBe(false);
  });

  test.each<[Values, RegExp]>([
    [{ replica: 1 }, /additional properties 'replica' not allowed/],
    [{ replicas: '2' }, /'\/replicas': got string, want integer/],
    [{ image: { tagg: '1' } }, /'\/image': additional properties 'tagg' not allowed/],
    [{ image: { digest: 'sha256:12' } }, /'\/image\/digest'/],
    [{ image: { repository: 'a b' } }, /'\/image\/repository'/],
    [{ operator: { logLevel: 'loud' } }, /'\/operator\/logLevel': value must be one of 'trace'/],
    [{ operator: { maxConcurrentReconciles: 0 } }, /'\/operator\/maxConcurrentReconciles': minimum/],
    [{ watchNamespaces: 'team-a' }, /'\/watchNamespaces': got string, want array/],
    [{ watchNamespaces: ['Team'] }, /'\/watchNamespaces\/0'/],
    [{ webhook: { failurePolicy: 'fail' } }, /'\/webhook\/failurePolicy'/],
    [{ webhook: { port: 443 } }, /'\/webhook\/port': minimum/],
    [{ webhook: { certManager: { issuerRef: { kind: 'ClusterIssuer' } } } }, /'\/webhook\/certManager\/issuerRef'/],
    [{ metrics: { port: 8081 } }, /'\/metrics\/port'/],
    [{ networkPolicy: { webhook: { from: [{}] } } }, /'\/networkPolicy\/webhook\/from\/0'/],
    [{ commonLabels: { 'app.kubernetes.io/name': 'x' } }, /'\/commonLabels\/app.kubernetes.io~1name': false schema/],
    [{ env: [{ name: 'POD_NAMESPACE', value: 'x' }] }, /'\/env\/0\/name'/],
    [{ resources: { limits: { memory: 'much' } } }, /'\/resources\/limits\/memory'/],
    [{ watchNamespaces: ['team-a'] }, /watchNamespaces needs webhook.enabled=false: the webhook is asked about/],
    [{ ...namespaced, watchNamespaces: ['sharenet-system'] }, /"sharenet-system" is the operator's own namespace/],
    [{ webhook: { enabled: false, certManager: { enabled: true } } }, /certManager.enabled needs webhook.enabled=true/],
    [
      { metrics: { enabled: false, serviceMonitor: { enabled: true } } },
      /serviceMonitor.enabled needs metrics.enabled/,
    ],
    [{ webhook: { port: 8080 } }, /webhook.port and metrics.port are both 8080/],
  ])('%j is refused with its place', async (values, message) => {
    await expect(helm.render(values)).rejects.toThrow(message);
  });

  test('that the schema knows is in values.yaml, and the other way round', async () => {
    const values = parse(await readFile(join(chart, 'values.yaml'), 'utf8'));
    const schema = JSON.parse(await readFile(join(chart, 'values.schema.json'), 'utf8'));
    expect(placesInSchema(schema).filter((place) => place !== 'global')).toEqual(placesInValues(values, schema));
  });

  test('that has no comment can not be documented', () => {
    expect(() => valuesDocument('a:\n  # Known.\n  b: 1\n  c: 2\n')).toThrow('a.c has no comment');
    expect(valuesDocument('# Head.\n\n# First.\na: 1\nb:\n  # Second,\n  # on two lines.\n  c: []\n')).toContain(
      '| `a` | `1` | First. |\n| `b.c` | `[]` | Second, on two lines. |\n',
    );
  });
});

/** A part of the schema that this looks into. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Values whose insides are the API's: only they themselves are compared. */
const closed = /^(resources|affinity|webhook\.certManager\.issuerRef)$/;

function placesInSchema({ properties = {} }: Schema, path = ''): readonly string[] {
  return Object.entries(properties)
    .flatMap(([name, each]) => {
      const place = `${path}${name}`;
      return each.properties === undefined || closed.test(place) ? [place] : placesInSchema(each, `${place}.`);
    })
    .sort();
}

function placesInValues(values: Values, { properties = {} }: Schema, path = ''): readonly string[] {
  return Object.entries(values)
    .flatMap(([name, value]) => {
      const place = `${path}${name}`;
      const schema = properties[name] ?? {};
      return schema.properties === undefined || closed.test(place)
        ? [place]
        : placesInValues(value as Values, schema, `${place}.`);
    })
    .sort();
}
