import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { valuesDocument } from '../../../tools/chart/values-document.ts';
import { chart, Helm, type Manifest, namespaced, type Values } from './helm.ts';

const helm = await Helm.make();
afterAll(() => helm.remove());
/** What the chart makes of no values. */
const usual = await helm.render();

function find(manifests: readonly Manifest[], kind: string, name: string): Manifest | undefined {
  return manifests.find((each) => each.kind === kind && each.metadata.name === name);
}

const address = { ipBlock: { cidr: '192.0.2.8/29' } };
const prometheus = { namespaceSelector: { matchLabels: { team: 'watchers' } } };
const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } };

/** Every value that is more than a switch, other than usual. */
const everyOther = {
  replicas: 5,
  image: { repository: 'registry.example.com/operator', tag: 'x', pullPolicy: 'Always', pullSecrets: ['registry'] },
  operator: {
    ...{
      installationID: 'east',
      maxConcurrentReconciles: 3,
      leaseDurationSeconds: 5,
      requireCredentialDestinations: true,
    },
    ...{ logLevel: 'debug', logFormat: 'pretty' },
  },
  serviceAccount: { name: 'storage', annotations: { cloud: 'role' } },
  webhook: {
    ...{ port: 10250, servicePort: 8443, failurePolicy: 'Fail', timeoutSeconds: 9 },
    namespaceSelector: { matchLabels: { judged: 'yes' } },
    certManager: { enabled: true, issuerRef: { name: 'company', kind: 'ClusterIssuer', group: 'issuers.example.com' } },
  },
  metrics: {
    port: 9090,
    serviceMonitor: { enabled: true, interval: '7s', labels: { release: 'one' } },
    prometheusRule: { enabled: true, labels: { release: 'two' } },
  },
  networkPolicy: {
    apiServer: { ports: [8443], to: [address] },
    storage: [{ ports: [{ protocol: 'TCP', port: 2222 }] }],
    metrics: { from: [prometheus] },
    webhook: { from: [address] },
  },
  podDisruptionBudget: { maxUnavailable: 2 },
  resources: { requests: { cpu: '70m' }, limits: { memory: '1Gi' } },
  topologySpread: [{ topologyKey: 'rack', maxSkew: 2, whenUnsatisfiable: 'DoNotSchedule' }],
  nodeSelector: { disk: 'fast' },
  tolerations: [{ key: 'control-plane', operator: 'Exists' }],
  affinity,
  priorityClassName: 'important',
  podAnnotations: { 'sidecar.example.com/inject': 'false' },
  podLabels: { mesh: 'out' },
  env: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
  commonLabels: { team: 'storage' },
};

function policies(name: string): readonly string[] {
  return ['', 'Binding'].map((what) => `ValidatingAdmissionPolicy${what} sharenet-${name}`);
}

/** Values that leave something out, or something in: each has a test of its own in this folder. */
const switches = [
  ...['crds.install', 'image.digest', 'metrics.enabled', 'networkPolicy.enabled', 'podDisruptionBudget.enabled'],
  ...[
    'rbac.create',
    'rbac.people',
    'rbac.admissionPolicies',
    'operator.writeBackendStatus',
    'serviceAccount.create',
    'watchNamespaces',
    'webhook.enabled',
  ],
];

describe('a value', () => {
  test('other than usual is where it belongs: no value is without effect', async () => {
    const manifests = await helm.render(everyOther);
    const has = (kind: string, name: string, expected: object) =>
      expect(find(manifests, kind, name), `${kind} ${name}`).toMatchObject(expected);
    has('Deployment', 'sharenet-operator', {
      spec: {
        replicas: 5,
        template: {
          metadata: { annotations: everyOther.podAnnotations, labels: everyOther.podLabels },
          spec: {
            ...{ serviceAccountName: 'storage', priorityClassName: 'important', affinity },
            ...{ nodeSelector: everyOther.nodeSelector, tolerations: everyOther.tolerations },
            imagePullSecrets: [{ name: 'registry' }],
            topologySpreadConstraints: everyOther.topologySpread,
            containers: [
              {
                image: 'registry.example.com/operator:x',
                imagePullPolicy: 'Always',
                args: [
                  ...['--namespace=$(POD_NAMESPACE)', '--leader-elect', '--webhook-mode=service'],
                  ...['--webhook-port=10250', '--metrics-bind-address=:9090', '--installation-id=east'],
                  ...['--max-concurrent-reconciles=3', '--leader-election-lease-duration=5'],
                  '--require-credential-destinations',
                  ...['--log-level=debug', '--log-format=pretty'],
                ],
                env: expect.arrayContaining(everyOther.env),
                ports: [
                  { name: 'metrics', containerPort: 9090 },
                  { name: 'probes', containerPort: 8081 },
                  { name: 'webhook', containerPort: 10250 },
                ],
                resources: everyOther.resources,
              },
            ],
          },
        },
      },
    });
    has('ServiceAccount', 'storage', { metadata: { annotations: { cloud: 'role' } } });
    has('PodDisruptionBudget', 'sharenet-operator', { spec: { maxUnavailable: 2 } });
    has('Service', 'sharenet-webhook', { spec: { ports: [{ port: 8443, targetPort: 10250 }] } });
    const asked = {
      namespaceSelector: everyOther.webhook.namespaceSelector,
      clientConfig: { service: { port: 8443 } },
    };
    const judges = { ...asked, failurePolicy: 'Fail', timeoutSeconds: 9 };
    // What only warns holds no one up.
    const warns = { ...asked, failurePolicy: 'Ignore', timeoutSeconds: 2 };
    has('ValidatingWebhookConfiguration', 'sharenet-validating-webhook', { webhooks: [judges, judges, warns] });
    has('Certificate', 'sharenet-webhook', { spec: { issuerRef: everyOther.webhook.certManager.issuerRef } });
    has('Service', 'sharenet-metrics', { spec: { ports: [{ port: 9090 }] } });
    has('ServiceMonitor', 'sharenet-operator', {
      metadata: { labels: { release: 'one' } },
      spec: { endpoints: [{ interval: '7s' }] },
    });
    has('PrometheusRule', 'sharenet-operator', { metadata: { labels: { release: 'two' } } });
    const policies = [
      ['sharenet-operator', { egress: [{ to: [address], ports: [{ port: 8443 }] }] }],
      ['sharenet-storage', { egress: everyOther.networkPolicy.storage }],
      ['sharenet-metrics', { ingress: [{ from: [prometheus], ports: [{ port: 9090 }] }] }],
      ['sharenet-webhook', { ingress: [{ from: [address], ports: [{ port: 10250 }] }] }],
    ] as const;
    for (const [name, spec] of policies) has('NetworkPolicy', name, { spec });
    const unlabelled = manifests.filter(
      ({ kind, metadata }) => kind !== 'CustomResourceDefinition' && metadata.labels?.team !== 'storage',
    );
    expect(unlabelled.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([]);
  });

  test('is not forgotten here', async () => {
    const { values, schema } = await documents();
    expect([...placesInValues(everyOther, schema), ...switches].sort()).toEqual(placesInValues(values, schema));
  });

  test('of the image: a digest wins over the tag', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(find(await helm.render({ image: { tag: 'x', digest } }), 'Deployment', 'sharenet-operator')).toMatchObject({
      spec: { template: { spec: { containers: [{ image: `sharenet-operator@${digest}` }] } } },
    });
  });

  test('without metrics nothing listens for them', async () => {
    const deployment = find(await helm.render({ metrics: { enabled: false } }), 'Deployment', 'sharenet-operator');
    const [container] = (deployment as unknown as { spec: { template: { spec: { containers: [object] } } } }).spec
      .template.spec.containers;
    expect(container).toMatchObject({
      args: expect.arrayContaining(['--metrics-bind-address=0']),
      ports: [{ name: 'probes' }, { name: 'webhook' }],
    });
  });

  const noMetrics = { metrics: { enabled: false } };
  const noWebhook = { webhook: { enabled: false } };
  test('of several operators for some namespaces one writes the status of backends', async () => {
    const watchNamespaces = ['team-a'];
    const writes = JSON.stringify(await helm.render({ watchNamespaces }));
    const others = JSON.stringify(await helm.render({ watchNamespaces, operator: { writeBackendStatus: false } }));
    for (const text of ['"--write-backend-status"', '"sharenet-backend-status"', '"storagebackends/status"']) {
      expect([writes.includes(text), others.includes(text)], text).toEqual([true, false]);
    }
  });

  test.each<[string, Values, ...(readonly string[])]>([
    ['one Pod has no disruption budget', { replicas: 1 }, 'PodDisruptionBudget sharenet-operator'],
    ['nor have two', { podDisruptionBudget: { enabled: false } }, 'PodDisruptionBudget sharenet-operator'],
    ['no metrics', noMetrics, 'NetworkPolicy sharenet-metrics', 'Service sharenet-metrics'],
    [
      'no webhook',
      noWebhook,
      ...['NetworkPolicy sharenet-webhook', 'Service sharenet-webhook'],
      'ValidatingWebhookConfiguration sharenet-validating-webhook',
    ],
    [
      'no network policies',
      { networkPolicy: { enabled: false } },
      ...['metrics', 'operator', 'storage', 'webhook'].map((name) => `NetworkPolicy sharenet-${name}`),
    ],
    [
      'no roles for people',
      { rbac: { people: false } },
      ...['admin', 'edit', 'storage-admin', 'view'].map((name) => `ClusterRole sharenet-${name}`),
      ...policies('specs'),
    ],
    ['no policies', { rbac: { admissionPolicies: false } }, ...policies('specs'), ...policies('operator-secrets')],
    [
      'no rights',
      { rbac: { create: false } },
      ...['ClusterRole', 'ClusterRoleBinding'].flatMap((kind) => [
        `${kind} sharenet-operator`,
        `${kind} sharenet-webhook`,
      ]),
      ...['Role', 'RoleBinding'].map((kind) => `${kind} sharenet-leader-election`),
    ],
    [
      'no kinds',
      { crds: { install: false } },
      ...['securityservices', 'shareaccesses', 'sharenetworks', 'shares', 'shareservers', 'storagebackends'].map(
        (kind) => `CustomResourceDefinition ${kind}.sharenet.io`,
      ),
    ],
    ['an account of yours', { serviceAccount: { create: false } }, 'ServiceAccount sharenet-operator'],
  ])('%s', async (_, values, ...gone) => {
    const names = (manifests: readonly Manifest[]) =>
      manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
    const left = new Set(names(await helm.render(values)));
    expect(names(usual).filter((each) => !left.has(each))).toEqual([...gone].sort());
    expect(left.size).toBe(usual.length - gone.length);
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
    const { values, schema } = await documents();
    expect(placesInSchema(schema).filter((place) => place !== 'global')).toEqual(placesInValues(values, schema));
  });

  test('that is misspelt is refused wherever it is: no part of the schema is open', async () => {
    expect(openPlaces((await documents()).schema)).toEqual([]);
  });

  test('that has no comment can not be documented', () => {
    expect(() => valuesDocument('a:\n  # Known.\n  b: 1\n  c: 2\n')).toThrow('a.c has no comment');
    expect(valuesDocument('# Head.\n\n# First.\na: 1\nb:\n  # Second,\n  # on two lines.\n  c: []\n')).toContain(
      '| `a` | `1` | First. |\n| `b.c` | `[]` | Second, on two lines. |\n',
    );
  });
});

/** The chart's values and their schema. */
async function documents(): Promise<{ readonly values: Values; readonly schema: Schema }> {
  return {
    values: parse(await readFile(join(chart, 'values.yaml'), 'utf8')),
    schema: JSON.parse(await readFile(join(chart, 'values.schema.json'), 'utf8')),
  };
}

/** A part of the schema that this looks into. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
}

/** Parts of the schema, at any depth, that name properties and take others too. */
function openPlaces(schema: unknown, path = ''): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties, additionalProperties }: Schema = schema;
  const open = properties !== undefined && typeof properties === 'object' && additionalProperties !== false;
  // A list of properties may have one of the name "properties".
  const inside = Object.entries(schema).flatMap(([name, each]) => openPlaces(each, `${path}/${name}`));
  return open ? [path, ...inside] : inside;
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
