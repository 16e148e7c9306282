import { beforeAll, describe, expect, test } from 'vitest';
import { kustomize } from '../../../tools/manifests/install-manifest.ts';
import { type Connection, type Peer, passes } from './connections.ts';
import { deploymentOf, type Rendered, rendered } from './rendered.ts';

const anywhere: Peer = { address: '203.0.113.9' };
const apiServer: Peer = { address: '192.0.2.10' };
const apiService: Peer = { address: '10.96.0.1' };
const monitor: Peer = { address: '198.51.100.7' };
const tenantPod: Peer = { namespaceLabels: { 'kubernetes.io/metadata.name': 'team-a' } };
const prometheusPod: Peer = { namespaceLabels: { 'sharenet.io/scrape-metrics': 'true' } };

const from = (peer: Peer, port: number): Connection => ({ direction: 'Ingress', peer, port });
const to = (peer: Peer, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): Connection => ({
  direction: 'Egress',
  peer,
  port,
  protocol,
});

type Case = readonly [what: string, connection: Connection, passes: boolean];

const everywhere: readonly Case[] = [
  ['Prometheus reads the metrics', from(prometheusPod, 8080), true],
  ['a Pod of a tenant reads the metrics', from(tenantPod, 8080), false],
  ['someone outside reads the metrics', from(anywhere, 8080), false],
  ['a Pod of a tenant asks the probes', from(tenantPod, 8081), false],
  ['the API server by its Service', to(apiService, 443), true],
  ['the API server by its endpoint', to(apiServer, 6443), true],
  ['a DNS server', to(anywhere, 53, 'UDP'), true],
  ['a DNS server by TCP', to(anywhere, 53), true],
  ['a monitor', to(monitor, 3300), true],
  ['a monitor of old', to(monitor, 6789), true],
  ['a manager', to(monitor, 6800), true],
  ['a metadata server', to(monitor, 7568), true],
  ['beyond the ports of Ceph', to(monitor, 7569), false],
  ['a web server', to(anywhere, 80), false],
  ['the directory of a tenant', to(anywhere, 389), false],
  ['the kubelet of a node', to(anywhere, 10250), false],
  ['the metadata of a cloud', to({ address: '169.254.169.254' }, 80), false],
];

const cases: Readonly<Record<string, readonly Case[]>> = {
  default: [
    ...everywhere,
    ['the API server asks the webhook', from(apiServer, 9443), true],
    ['a file server host', to(anywhere, 22), true],
  ],
  namespaced: [
    ...everywhere,
    ['the API server asks the webhook', from(apiServer, 9443), true],
    ['a file server host', to(anywhere, 22), true],
  ],
  narrowed: [
    ...everywhere,
    ['the API server asks the webhook', from(apiServer, 9443), true],
    ['someone else asks the webhook', from(anywhere, 9443), false],
    ['a Pod of a tenant asks the webhook', from(tenantPod, 9443), false],
    ['another web server', to(anywhere, 443), false],
    ['a monitor of someone else', to(anywhere, 3300), false],
    ['a file server host', to(anywhere, 22), false],
  ],
};

// No network here heeds policies: what they say is worked out by the rules of Kubernetes.
describe.each(Object.keys(cases))('the network policies of config/%s', (base) => {
  let policies: readonly Rendered<'NetworkPolicy'>[];
  let labels: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const text = await kustomize(base);
    policies = rendered(text, 'NetworkPolicy');
    labels = deploymentOf(text).spec.template.metadata.labels;
  });

  test.each(cases[base] ?? [])('%s', (_, connection, expected) => {
    expect(passes(policies, labels, connection)).toBe(expected);
  });

  test('leave other Pods of the namespace alone', () => {
    expect(passes(policies, { app: 'other' }, from(tenantPod, 80))).toBe(true);
  });
});
