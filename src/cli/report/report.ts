import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../api/v1alpha1/resource-types.ts';
import type { KubeObject, ResourceType } from '../../runtime/kube-object.ts';
import { explainFailure } from '../api-failure.ts';
import { byName } from '../output/by-name.ts';
import { yamlOf } from '../output/data-output.ts';
import { printTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { statusHeader, statusRows } from '../status/status-rows.ts';
import { statusTree } from '../status/status-tree.ts';
import { Redaction } from './redaction.ts';
import { type HidingOptions, hideIn, reportable } from './report-data.ts';

export interface ReportRequest extends HidingOptions {
  /** Undefined: all. */
  readonly namespace: string | undefined;
  readonly operatorNamespace: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** A file of a report. */
export interface ReportFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly content: string;
}

/** A report, and what could not be read for it, a line each. */
export interface Report {
  readonly files: readonly ReportFile[];
  readonly missing: readonly string[];
}

interface Event extends KubeObject {
  readonly regarding?: { readonly apiVersion?: string; readonly kind?: string };
}

interface Deployment extends KubeObject {
  readonly spec?: { readonly template?: { readonly spec?: { readonly containers?: readonly Container[] } } };
  readonly status?: unknown;
}

interface Pod extends KubeObject {
  readonly spec?: { readonly containers?: readonly Container[] };
  readonly status?: unknown;
}

interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly resources?: unknown;
}

const namespaced = true;
const events: ResourceType<Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced,
};
const deployments: ResourceType<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced,
};
const pods: ResourceType<Pod> = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced };

const operatorSelector = 'app.kubernetes.io/name=sharenet';
/** Of each container, the last of its log. */
const logLines = 5000;

/** Gathers a report. Secrets are never read; what can't be read is left out and told. */
export async function makeReport(session: Session, request: ReportRequest): Promise<Report> {
  const { client } = session;
  const { namespace, operatorNamespace } = request;
  const missing: string[] = [];
  async function listed<T extends KubeObject>(
    type: ResourceType<T>,
    options: { readonly namespace?: string | undefined; readonly labelSelector?: string } = {},
  ): Promise<readonly T[]> {
    try {
      return (await client.list(type, options)).items.sort(byName);
    } catch (error) {
      missing.push(`${type.plural}: ${explainFailure(error)}`);
      return [];
    }
  }
  const [networks, servers, found, rules, services, backends, happened, operators, operatorPods] = await Promise.all([
    listed(shareNetworks, { namespace }),
    listed(shareServers, { namespace }),
    listed(shares, { namespace }),
    listed(shareAccesses, { namespace }),
    listed(securityServices, { namespace }),
    listed(storageBackends),
    listed(events, { namespace }),
    listed(deployments, { namespace: operatorNamespace, labelSelector: operatorSelector }),
    listed(pods, { namespace: operatorNamespace, labelSelector: operatorSelector }),
  ]);
  const kinds = [
    [storageBackends, backends],
    [securityServices, services],
    [shareNetworks, networks],
    [shareServers, servers],
    [shares, found],
    [shareAccesses, rules],
  ] as const;
  const redaction = new Redaction();
  for (const [, objects] of kinds) for (const object of objects) hideIn(redaction, object, request);

  const files: ReportFile[] = [];
  const add = (path: string, content: string) => files.push({ path, content: redaction.text(content) });
  const addData = (path: string, objects: readonly KubeObject[]) => {
    if (objects.length > 0) files.push({ path, content: yamlOf(redaction.data(objects.map(reportable))) });
  };
  const tree = statusTree({ networks, servers, shares: found, rules, backends });
  add('status.txt', tableText(statusRows(tree, { now: request.now, backends, allNamespaces: true, wide: true })));
  for (const [type, objects] of kinds) addData(`objects/${type.plural}.yaml`, objects);
  addData(
    'events.yaml',
    happened.filter(({ regarding }) => regarding?.apiVersion?.startsWith(`${shares.group}/`)),
  );
  addData('operator/deployments.yaml', operators.map(deploymentFacts));
  addData('operator/pods.yaml', operatorPods.map(podFacts));
  for (const { metadata, spec } of operatorPods) {
    for (const { name = '' } of spec?.containers ?? []) {
      for (const previous of [false, true]) {
        const path = `operator/logs/${metadata.name}-${name}${previous ? '-previous' : ''}.log`;
        try {
          add(
            path,
            await session.podLog(operatorNamespace, metadata.name, { container: name, lines: logLines, previous }),
          );
        } catch (error) {
          // Most containers were never restarted.
          if (!previous) missing.push(`log of pod ${metadata.name}: ${explainFailure(error)}`);
        }
      }
    }
  }
  try {
    files.push({ path: 'version.yaml', content: yamlOf(await client.rawGet('/version')) });
  } catch (error) {
    missing.push(`version of the API server: ${explainFailure(error)}`);
  }
  const told = missing.map((line) => redaction.text(line));
  return { files: [{ path: 'README.txt', content: readme(request, told) }, ...files], missing: told };
}

/** Environments may hold anything: they are left out. */
function containerFacts(containers: readonly Container[] = []): readonly Container[] {
  return containers.map(({ name, image, args, resources }) => ({
    ...(name !== undefined && { name }),
    ...(image !== undefined && { image }),
    ...(args !== undefined && { args }),
    ...(resources !== undefined && { resources }),
  }));
}

function deploymentFacts({ metadata, spec, status }: Deployment): Deployment {
  const containers = containerFacts(spec?.template?.spec?.containers);
  return { metadata, spec: { template: { spec: { containers } } }, status };
}

function podFacts({ metadata, spec, status }: Pod): Pod {
  return { metadata, spec: { containers: containerFacts(spec?.containers) }, status };
}

function tableText(rows: Parameters<typeof printTable>[2]): string {
  const lines: string[] = [];
  const line = (text: string) => void lines.push(text);
  printTable({ columns: undefined, line, tell: line, paint: (_, text) => text }, statusHeader(true), rows);
  return `${lines.join('\n')}\n`;
}

function readme({ namespace, addresses, now }: ReportRequest, missing: readonly string[]): string {
  const hidden = ['users', 'clients of access rules', 'organizational units', 'descriptions'];
  if (addresses) hidden.push('addresses', 'domains', 'paths');
  return [
    `Report of kubectl sharenet, ${new Date(now).toISOString()}, of ${namespace === undefined ? 'all namespaces' : `namespace ${namespace}`}.`,
    '',
    'No Secret was read. Hidden wherever they occur, equal values behind equal names such as <client-1>:',
    `${hidden.join(', ')}. Left out: annotations of others, parameters of drivers of others,`,
    'environments of containers, and what looks like a password, key or token.',
    addresses ? '' : 'Addresses and domains are shown; --hide-addresses hides them too.',
    'Names of objects are shown. Look through the files before you give them to anyone.',
    ...(missing.length === 0 ? [] : ['', 'Not read:', ...missing.map((line) => `- ${line}`)]),
    '',
  ].join('\n');
}
