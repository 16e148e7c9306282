import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { type AuditEvent, readAuditLog } from '../audit-log.ts';
import { operatorUser } from '../operator-user.ts';
import type { TestCluster } from '../test-cluster.ts';

const config = (base: string): string => new URL(`../../../config/${base}`, import.meta.url).pathname;
const serviceAccount = { kind: 'ServiceAccount', namespace: 'sharenet-system', name: 'sharenet-operator' };

const metadata = z.object({ name: z.string(), namespace: z.string().optional() });
const documentSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.enum(['Role', 'ClusterRole']),
    metadata,
    rules: z.array(
      // Strict: a rule for URLs would count as none.
      z.strictObject({
        apiGroups: z.array(z.string()),
        resources: z.array(z.string()),
        verbs: z.array(z.string()),
        resourceNames: z.array(z.string()).optional(),
      }),
    ),
  }),
  z.object({
    kind: z.enum(['RoleBinding', 'ClusterRoleBinding']),
    metadata,
    roleRef: z.object({ kind: z.string(), name: z.string() }),
    subjects: z.array(z.object({ kind: z.string(), name: z.string(), namespace: z.string().optional() })),
  }),
  z.object({
    kind: z.literal('Deployment'),
    metadata,
    spec: z.object({
      template: z.object({ spec: z.object({ containers: z.array(z.object({ args: z.array(z.string()) })) }) }),
    }),
  }),
]);
type Document = z.infer<typeof documentSchema>;
type RoleDocument = Extract<Document, { kind: 'Role' | 'ClusterRole' }>;

/** One verb on one resource that a role gives. */
interface Permission {
  /** Namespace of the Role; undefined: all and the cluster's own resources. */
  readonly namespace: string | undefined;
  readonly group: string;
  /** With its subresource. */
  readonly resource: string;
  readonly verb: string;
  /** Undefined: objects of all names. */
  readonly name: string | undefined;
}

/** What a folder of config/ gives to the operator. */
export interface ShippedRights {
  /** What each of its roles gives, one each resource, verb and name. */
  readonly permissions: readonly Permission[];
  /** `ClusterRoleBinding "name"` or `RoleBinding "name/namespace"`, as the audit log names it. */
  readonly bindings: readonly string[];
  /** Arguments of the operator's container, with the operator's namespace put in. */
  readonly args: readonly string[];
}

/** Reads a folder of config/ as kubectl would apply it. */
export async function shippedRights(cluster: TestCluster, base: string): Promise<ShippedRights> {
  const text = await cluster.kubectl('kustomize', config(base));
  const documents = parseAllDocuments(text).flatMap((document): Document[] => {
    const parsed = documentSchema.safeParse(document.toJS());
    const kind: unknown = document.get('kind');
    // Other kinds are none of our business, but a role that can't be read must not pass unseen.
    if (!parsed.success && /Role|Deployment/.test(String(kind))) throw parsed.error;
    return parsed.success ? [parsed.data] : [];
  });
  const permissions: Permission[] = [];
  const bindings: string[] = [];
  const args: string[] = [];
  for (const document of documents) {
    if (document.kind === 'Deployment') {
      args.push(...document.spec.template.spec.containers.flatMap((container) => container.args));
    }
    if (!('subjects' in document) || !document.subjects.some((subject) => isOperator(subject))) continue;
    const { name, namespace } = document.metadata;
    bindings.push(`${document.kind} "${namespace === undefined ? name : `${name}/${namespace}`}"`);
    const role = documents.find(
      (other): other is RoleDocument =>
        'rules' in other &&
        other.kind === document.roleRef.kind &&
        other.metadata.name === document.roleRef.name &&
        (other.kind === 'ClusterRole' || other.metadata.namespace === namespace),
    );
    if (role === undefined) throw new Error(`${document.kind} ${name}: its role is not in config/${base}`);
    permissions.push(...permissionsOf(role, namespace));
  }
  return { permissions, bindings, args: args.map((arg) => arg.replace('$(POD_NAMESPACE)', 'sharenet-system')) };
}

function isOperator({
  kind,
  namespace,
  name,
}: {
  kind: string;
  namespace?: string | undefined;
  name: string;
}): boolean {
  return kind === serviceAccount.kind && namespace === serviceAccount.namespace && name === serviceAccount.name;
}

function permissionsOf({ rules }: RoleDocument, namespace: string | undefined): readonly Permission[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [undefined] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => resourceNames.map((name) => ({ namespace, group, resource, verb, name }))),
      ),
    ),
  );
}

/** Whether a request is one that the permission is for. */
function covers(permission: Permission, { verb, objectRef }: AuditEvent): boolean {
  const { apiGroup = '', resource = '', subresource, namespace, name } = objectRef ?? {};
  return (
    permission.verb === verb &&
    permission.group === apiGroup &&
    permission.resource === (subresource === undefined ? resource : `${resource}/${subresource}`) &&
    (permission.namespace === undefined || permission.namespace === namespace) &&
    (permission.name === undefined || permission.name === name)
  );
}

/** What operators have asked of the API server so far. */
export async function operatorRequests(cluster: TestCluster): Promise<readonly AuditEvent[]> {
  return (await readAuditLog(cluster.plane)).filter(({ user }) => user.username === operatorUser.user);
}

/** Permissions that none of the requests needed: `verb resource[/name]`, with ` in namespace` for those of a Role. */
export function unused({ permissions }: ShippedRights, requests: readonly AuditEvent[]): readonly string[] {
  return permissions
    .filter((permission) => !requests.some((request) => covers(permission, request)))
    .map(({ verb, resource, name, namespace }) => {
      const what = name === undefined ? resource : `${resource}/${name}`;
      return `${verb} ${what}${namespace === undefined ? '' : ` in ${namespace}`}`;
    })
    .sort();
}

/** What allowed the requests, by the API server's word: bindings, each once. */
export function allowedBy(requests: readonly AuditEvent[]): readonly string[] {
  const reasons = requests.map(({ annotations }) => annotations?.['authorization.k8s.io/reason'] ?? '');
  return [...new Set(reasons.map((reason) => /^RBAC: allowed by (\w+ "[^"]+")/.exec(reason)?.[1] ?? reason))].sort();
}
