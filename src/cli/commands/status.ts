import { type Command, Option } from 'commander';
import {
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../api/v1alpha1/resource-types.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { isForbidden } from '../../runtime/api-error.ts';
import { UsageError } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import { objectName } from '../object-reference.ts';
import { printData, type TableFormat, tableFormats } from '../output/data-output.ts';
import { printTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { statusData } from '../status/status-data.ts';
import { statusHeader, statusRows } from '../status/status-rows.ts';
import { type StatusObjects, statusTree } from '../status/status-tree.ts';

interface Options {
  readonly allNamespaces?: true;
  readonly output?: TableFormat;
}

export function addStatus(program: Command, environment: Environment): void {
  program
    .command('status')
    .summary('show networks, their servers, shares and rules, and what is wrong with them')
    .description(
      'Shows share networks, their servers, the shares on these and their rules, with the reason of what is not ready.',
    )
    .argument('[network]', 'name of a share network')
    .option('-A, --all-namespaces', 'in all namespaces')
    .addOption(
      new Option('-o, --output <format>', 'wide: ages and whole reasons; json, yaml: data').choices(tableFormats),
    )
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet status -n team-a
  kubectl sharenet status net-1
  kubectl sharenet status -A -o json`,
    )
    .action(async (network: string | undefined, options: Options, command: Command) => {
      if (network !== undefined && options.allNamespaces) {
        throw new UsageError('name a network, or use --all-namespaces');
      }
      const name = network === undefined ? undefined : objectName(network.replace(/^(?:sharenetworks?|shnet)\//, ''));
      await connected(environment, command, (session) => show(environment, session, name, options));
    });
}

async function show(
  { terminal, now }: Environment,
  { client, namespace }: Session,
  network: string | undefined,
  options: Options,
): Promise<void> {
  const objects =
    network === undefined
      ? await objectsOf(client, options.allNamespaces ? undefined : namespace)
      : await objectsOfNetwork(client, namespace, network);
  const trees = statusTree(objects);
  const wide = options.output === 'wide';
  if (options.output === 'json' || options.output === 'yaml') {
    printData(terminal, options.output, statusData(trees));
  } else if (trees.length === 0) {
    terminal.tell(`nothing found${options.allNamespaces ? '' : ` in namespace ${namespace}`}`);
  } else {
    const context = { now: now(), backends: objects.backends, allNamespaces: options.allNamespaces === true, wide };
    printTable(terminal, statusHeader(wide), statusRows(trees, context), { whole: wide });
  }
}

/** Reads each kind once. */
async function objectsOf(client: ApiClient, namespace: string | undefined): Promise<StatusObjects> {
  const [networks, servers, found, rules, backends] = await Promise.all([
    client.list(shareNetworks, { namespace }),
    client.list(shareServers, { namespace }),
    client.list(shares, { namespace }),
    client.list(shareAccesses, { namespace }),
    readableBackends(client),
  ]);
  return { networks: networks.items, servers: servers.items, shares: found.items, rules: rules.items, backends };
}

async function objectsOfNetwork(client: ApiClient, namespace: string, name: string): Promise<StatusObjects> {
  const fieldSelector = `spec.shareNetworkName=${name}`;
  const [network, servers, found, rules, backends] = await Promise.all([
    client.get(shareNetworks, { namespace, name }),
    client.list(shareServers, { namespace, fieldSelector }),
    client.list(shares, { namespace, fieldSelector }),
    client.list(shareAccesses, { namespace }),
    readableBackends(client),
  ]);
  const names = new Set(found.items.map(({ metadata }) => metadata.name));
  return {
    networks: [network],
    servers: servers.items,
    shares: found.items,
    rules: rules.items.filter(({ spec }) => names.has(spec.shareName)),
    backends,
  };
}

/** Backends are the administrator's: a tenant need not be able to list them. */
async function readableBackends(client: ApiClient): Promise<readonly StorageBackend[] | undefined> {
  try {
    return (await client.list(storageBackends)).items;
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}
