import { z } from 'zod';
import type { AccessLevel } from '../../../../src/api/v1alpha1/backend-capabilities.ts';
import { shareAccesses, shares } from '../../../../src/api/v1alpha1/resource-types.ts';
import type { Share } from '../../../../src/api/v1alpha1/share.ts';
import { grantedShares } from '../../../../src/drivers/cephfs/auth/caps.ts';
import { subvolumeNameOf } from '../../../../src/drivers/cephfs/subvolumes/names.ts';
import { type Secret, secrets, secretText } from '../../../../src/runtime/core-types.ts';
import { eventually } from '../../../faults/eventually.ts';
import type { Tenant } from '../../../integration/tenant.ts';
import type { CephUser } from '../ceph-user.ts';
import { operatorCephUser } from './ceph-backend.ts';
import type { OperatorOnCeph } from './operator-on-ceph.ts';

const dumpSchema = z.object({
  auth_dump: z.array(z.object({ entity: z.string(), key: z.string(), caps: z.record(z.string(), z.string()) })),
});
const authorizedSchema = z.array(z.record(z.string(), z.enum(['r', 'rw'])));
/** Ids of Ceph itself, its administrator and the operator. */
const own = new RegExp(`^(admin|bootstrap-.*|${operatorCephUser})$`);
const cephLevels = { rw: 'rw', ro: 'r' } as const;

/** What a rule gives to whom. */
export interface ExpectedRule {
  readonly share: string;
  readonly id: string;
  readonly level: AccessLevel;
}

/** All that a tenant is to have on Ceph. */
export interface Expected {
  readonly tenant: Tenant;
  /** By name of the rule. */
  readonly rules: ReadonlyMap<string, ExpectedRule>;
}

/**
 * Why rules, Secrets and Ceph disagree; undefined when every rule is active, each Secret holds the key that Ceph has, each id may
 * do what its rules say and no more, and Ceph has nothing else: no id, no subvolume, no one authorized.
 *
 * @param expected of every tenant that has something on this Ceph
 */
export async function disagreement(ceph: OperatorOnCeph, expected: readonly Expected[]): Promise<string | undefined> {
  const keys = new Map<string, string>();
  const entitled = new Map<string, string[]>();
  const onCeph: { readonly share: Share; readonly granted: readonly string[] }[] = [];
  for (const { tenant, rules } of expected) {
    const found = await sharesOn(ceph, tenant);
    const problem = await secretDisagreement(tenant, rules, keys);
    if (problem !== undefined) return `${tenant.namespace}: ${problem}`;
    for (const share of found) {
      const granted = [...rules.values()].filter((rule) => rule.share === share.metadata.name);
      const path = share.status?.exportLocations?.[0]?.metadata?.rootPath;
      for (const { id, level } of granted) {
        entitled.set(id, [...(entitled.get(id) ?? []), `${cephLevels[level]} ${path}`]);
      }
      onCeph.push({ share, granted: granted.map(({ id, level }) => `${id} ${cephLevels[level]}`) });
    }
  }
  const users = await usersOf(ceph);
  const ids = difference(users.keys(), entitled.keys());
  if (ids !== undefined) return `ids in Ceph: ${ids}`;
  for (const [id, { key, caps }] of users) {
    if (key !== keys.get(id)) return `the Secrets of ${id} do not hold its key`;
    const granted = grantedShares(caps).map(({ level, path }) => `${level} ${path}`);
    const complete = caps.mon === 'allow r' && caps.osd?.split(',').length === granted.length;
    if (!complete || difference(granted, entitled.get(id) ?? []) !== undefined) {
      return `the id ${id} may ${JSON.stringify(caps)}; its rules say ${entitled.get(id)}`;
    }
  }
  const subvolumes = onCeph.map(({ share }) => subvolumeNameOf(share.metadata.uid ?? ''));
  const surplus = difference(await ceph.subvolumes(), subvolumes);
  if (surplus !== undefined) return `subvolumes in Ceph: ${surplus}`;
  for (const { share, granted } of onCeph) {
    const listed = difference(await authorizedOn(ceph, share), granted);
    if (listed !== undefined) return `authorized on ${share.metadata.name}: ${listed}`;
  }
  return undefined;
}

/** Waits until nothing disagrees. @throws with what still did */
export async function untilAgreed(
  ceph: OperatorOnCeph,
  expected: readonly Expected[],
  timeoutMs = 60_000,
): Promise<void> {
  let reason: string | undefined;
  const agreed = async (): Promise<boolean> => {
    reason = await disagreement(ceph, expected);
    return reason === undefined;
  };
  await eventually('rules, Secrets and Ceph agree', agreed, timeoutMs).catch(() => {
    throw new Error(`rules, Secrets and Ceph do not agree within ${timeoutMs} ms: ${reason}`);
  });
}

/** Ids that are authorized on a share, with their level, past the operator. */
export async function authorizedOn({ lab }: OperatorOnCeph, share: Share): Promise<readonly string[]> {
  const address = {
    vol_name: lab.fileSystem,
    group_name: 'sharenet',
    sub_name: subvolumeNameOf(share.metadata.uid ?? ''),
  };
  const output = await lab.succeed('mgr', { prefix: 'fs subvolume authorized_list', ...address });
  const entries = authorizedSchema.parse(JSON.parse(output)).flatMap((entry) => Object.entries(entry));
  return entries.map(([id, level]) => `${id} ${level}`);
}

/** @param keys takes up the key in the Secret of each id; one id has one key */
async function secretDisagreement(
  { cluster, namespace }: Tenant,
  expected: Expected['rules'],
  keys: Map<string, string>,
): Promise<string | undefined> {
  const [{ items: rules }, { items: keySecrets }] = await Promise.all([
    cluster.client.list(shareAccesses, { namespace }),
    cluster.client.list(secrets, { namespace, labelSelector: 'sharenet.io/access-key=true' }),
  ]);
  if (rules.length !== expected.size) return `${rules.length} rules instead of ${expected.size}`;
  const ofName = new Map(keySecrets.map((secret): [string, Secret] => [secret.metadata.name, secret]));
  for (const { metadata, status } of rules) {
    const what = `rule ${metadata.name}`;
    const { id, level } = expected.get(metadata.name) ?? {};
    if (id === undefined) return `${what} is not expected`;
    if (status?.phase !== 'active' || status.accessLevel !== level) return `${what} is ${JSON.stringify(status)}`;
    const secret = ofName.get(status.accessKeySecretRef?.name ?? '');
    const key = secret && secretText(secret, 'userKey');
    if (secret === undefined || key === undefined) return `${what} has no Secret with a key`;
    if (!secret.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid))
      return `the Secret of ${what} is not its own`;
    if (secretText(secret, 'userID') !== id) return `the Secret of ${what} is for another id`;
    if ((keys.get(id) ?? key) !== key) return `the Secrets of the id ${id} hold different keys`;
    keys.set(id, key);
  }
  if (keySecrets.length !== rules.length) return `${keySecrets.length} Secrets for ${rules.length} rules`;
  return undefined;
}

async function sharesOn({ backendName }: OperatorOnCeph, { cluster, namespace }: Tenant): Promise<readonly Share[]> {
  const { items } = await cluster.client.list(shares, { namespace });
  return items.filter(({ status }) => status?.backendName === backendName);
}

/** Ids that are there for rules. */
async function usersOf({ lab }: OperatorOnCeph): Promise<ReadonlyMap<string, CephUser>> {
  const { auth_dump: dump } = dumpSchema.parse(
    JSON.parse(await lab.succeed('mon', { prefix: 'auth ls', format: 'json' })),
  );
  const clients = dump.flatMap(({ entity, key, caps }): [string, CephUser][] => {
    const id = /^client\.(.+)$/.exec(entity)?.[1];
    return id === undefined || own.test(id) ? [] : [[id, { key, caps }]];
  });
  return new Map(clients);
}

/** What is there and should not be, and the other way round; undefined when both are the same. */
function difference(present: Iterable<string>, expected: Iterable<string>): string | undefined {
  const [is, should] = [new Set(present), new Set(expected)];
  const surplus = [...is].filter((item) => !should.has(item)).map((item) => `+${item}`);
  const missing = [...should].filter((item) => !is.has(item)).map((item) => `-${item}`);
  return surplus.length + missing.length === 0 ? undefined : [...surplus, ...missing].sort().join(', ');
}
