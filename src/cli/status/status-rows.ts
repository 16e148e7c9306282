import { shareAccesses, shareNetworks, shareServers, shares } from '../../api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { KubeObject, ResourceType } from '../../runtime/kube-object.ts';
import { referenceText } from '../object-reference.ts';
import { ageText } from '../output/age.ts';
import { phaseCell } from '../output/phase.ts';
import { cut } from '../output/plain-text.ts';
import type { Row } from '../output/table.ts';
import { type TreeNode, treeRows } from '../output/tree.ts';
import { notesOf, noteText } from '../why/notes.ts';
import { networkLines } from './network-progress.ts';
import type { NamespaceTree, NetworkNode, ServerNode, ShareNode } from './status-tree.ts';

/** What the rows are made with. */
export interface RowContext {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** Undefined where the user may not list them. */
  readonly backends: readonly StorageBackend[] | undefined;
  /** With the namespaces' names. */
  readonly allNamespaces: boolean;
  /** With ages. */
  readonly wide?: boolean;
}

/** Header of the rows. */
export function statusHeader(wide: boolean): readonly string[] {
  return ['NAME', 'PHASE', ...(wide ? ['AGE'] : []), 'REASON'];
}

/** A target may be long, and is not what one looks for. */
const longestTarget = 40;

/** The rows of all namespaces: a node with nothing to tell takes one short line. */
export function statusRows(trees: readonly NamespaceTree[], context: RowContext): readonly Row[] {
  return trees.flatMap((tree): readonly Row[] => [
    ...(context.allNamespaces ? [`namespace ${tree.namespace}`] : []),
    ...tree.networks.flatMap((node) => treeRows(networkNode(node, context))),
    ...section(
      'share servers without a network:',
      tree.servers.map((node) => serverNode(node, context)),
    ),
    ...section(
      'shares without a network:',
      tree.shares.map((node) => shareNode(node, context)),
    ),
    ...section(
      'access rules without a share:',
      tree.rules.map((rule) => ruleNode(rule, context)),
    ),
  ]);
}

function section(title: string, nodes: readonly TreeNode[]): readonly Row[] {
  return nodes.length === 0 ? [] : [title, ...nodes.flatMap((node) => treeRows(node))];
}

function networkNode({ network, servers, shares: unplaced }: NetworkNode, context: RowContext): TreeNode {
  const lines = networkLines(
    network,
    servers.map(({ server }) => server),
    context.now,
  );
  return objectNode(context, shareNetworks, network, '', lines, [
    ...servers.map((node) => serverNode(node, context)),
    ...unplaced.map((node) => shareNode(node, context)),
  ]);
}

function serverNode({ server, shares: placed }: ServerNode, context: RowContext): TreeNode {
  const { backendName } = server.spec;
  const lines = backendLines(backendName, context);
  const children = placed.map((node) => shareNode(node, context, true));
  return objectNode(context, shareServers, server, ` on ${backendName}`, lines, children);
}

function shareNode({ share, rules }: ShareNode, context: RowContext, onServer = false): TreeNode {
  const { spec, status } = share;
  // The backend of a share on a server is shown there.
  const lines = onServer || status?.backendName === undefined ? [] : backendLines(status.backendName, context);
  return objectNode(
    context,
    shares,
    share,
    ` ${spec.protocol} ${spec.size}`,
    lines,
    rules.map((rule) => ruleNode(rule, context)),
  );
}

function ruleNode(rule: ShareAccess, context: RowContext): TreeNode {
  const { accessType, accessTo, accessLevel = 'rw' } = rule.spec;
  return objectNode(
    context,
    shareAccesses,
    rule,
    ` ${accessType} ${cut(accessTo, longestTarget)} ${accessLevel}`,
    [],
    [],
  );
}

function objectNode(
  { wide = false, now }: RowContext,
  type: ResourceType,
  object: KubeObject & { readonly status?: { readonly phase?: string } },
  about: string,
  lines: readonly string[],
  children: readonly TreeNode[],
): TreeNode {
  const [first, ...others] = notesOf(object);
  return {
    name: referenceText(type, object.metadata.name) + about,
    cells: [
      phaseCell(object.status?.phase),
      ...(wide ? [{ text: ageText(object.metadata.creationTimestamp, now) }] : []),
      { text: noteText(first) },
    ],
    details: [...others.map(noteText), ...lines],
    children,
  };
}

/** What is wrong with a backend, as far as the user may see backends. */
function backendLines(name: string, { backends }: Pick<RowContext, 'backends'>): readonly string[] {
  if (backends === undefined) return [];
  const backend = backends.find(({ metadata }) => metadata.name === name);
  if (backend === undefined) return [`storage backend ${name} does not exist`];
  const disabled = backend.spec.enabled === false ? [`storage backend ${name} is not enabled`] : [];
  return [...disabled, ...notesOf(backend).map((note) => `storage backend ${name}: ${noteText(note)}`)];
}
