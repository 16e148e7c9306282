import { shareAccesses } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../../../src/api/v1alpha1/share-network.ts';
import { type Secret, secrets, secretText } from '../../../src/runtime/core-types.ts';
import type { TestCluster } from '../test-cluster.ts';
import { readDummyState } from './dummy-state.ts';

/** Whether a network rests with exactly this security service, after the last edit was applied. */
export function restsWith(network: ShareNetwork | undefined, service: string): boolean {
  const { status, metadata } = network ?? {};
  return (
    status?.phase === 'active' &&
    status.networkChange === undefined &&
    status.observedGeneration === metadata?.generation &&
    status.securityServices?.[0]?.name === service &&
    status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
  );
}

/** Why the keyed rules of a namespace, their Secrets and the backend disagree; undefined when all agree with what is desired. */
export async function ruleDisagreement(
  cluster: TestCluster,
  namespace: string,
  desired: ReadonlyMap<string, { readonly share: string; readonly level: string }>,
): Promise<string | undefined> {
  const rules = (await cluster.client.list(shareAccesses, { namespace })).items;
  if (rules.length !== desired.size) return `${rules.length} rules, desired ${desired.size}`;
  const keySecrets = (await cluster.client.list(secrets, { namespace, labelSelector: 'sharenet.io/access-key=true' }))
    .items;
  const state = await readDummyState(cluster.stateDirectory, 'dummy');
  const shares = state.shares.filter((share) => share.namespace === namespace);
  const shareIDs = new Set(shares.map(({ id }) => id));
  const keys = new Map(
    state.keys.filter(({ shares: on }) => on.some((id) => shareIDs.has(id))).map((key) => [key.id, key]),
  );
  if (keySecrets.length !== desired.size) return `${keySecrets.length} Secrets for ${desired.size} rules`;
  if (keys.size !== desired.size) return `the backend has ${keys.size} keys for ${desired.size} rules`;
  const granted = shares.flatMap(({ name, rules: on }) =>
    Object.values(on).map(({ accessTo, accessLevel }) => `${name} ${accessTo} ${accessLevel}`),
  );
  const expected = [...desired].map(([name, { share, level }]) => `${share} ${name} ${level}`);
  if (granted.sort().join() !== expected.sort().join())
    return `granted: ${granted.join()}; desired: ${expected.join()}`;
  for (const rule of rules) {
    const reason = disagreementOf(rule, keySecrets, keys.get(rule.spec.accessTo)?.key);
    if (reason !== undefined) return `rule ${rule.metadata.name}: ${reason}`;
  }
  return undefined;
}

function disagreementOf(rule: ShareAccess, keySecrets: readonly Secret[], key: string | undefined): string | undefined {
  const { status } = rule;
  if (status?.phase !== 'active') return `phase ${status?.phase}`;
  if (status.accessLevel !== rule.spec.accessLevel) return `level ${status.accessLevel}`;
  const secret = keySecrets.find(({ metadata }) => metadata.name === status.accessKeySecretRef?.name);
  if (secret === undefined) return 'its Secret is missing';
  if (key === undefined || secretText(secret, 'accessKey') !== key) return 'its Secret does not hold the key';
  if (!secret.metadata.ownerReferences?.some(({ uid }) => uid === rule.metadata.uid))
    return 'its Secret is not its own';
  return undefined;
}
