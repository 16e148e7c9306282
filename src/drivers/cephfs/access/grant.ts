import type { AccessUpdate } from '../../driver.ts';
import { ruleError } from '../../kit/access-rules.ts';
import { type Caps, capsWith, exceedsShares } from '../auth/caps.ts';
import { readCaps, removeEntity, repairCaps } from '../auth/entities.ts';
import { withAuthIDLock } from '../auth/id-locks.ts';
import { notFound } from '../reasons.ts';
import { type Authorization, authorize, listAuthorized } from '../subvolumes/subvolumes.ts';
import { evict } from './evict.ts';
import { foreignID, type Grant } from './plan.ts';
import { type AccessScope, isOnlyForTenant } from './scope.ts';

/** Authorizes an id on the share. What is wrong with the id alone is the rule's error. */
export function grantAccess(scope: AccessScope, grant: Grant): Promise<AccessUpdate> {
  const { backend, share, fsid, context } = scope;
  const { authID, level, downgrade } = grant;
  const { cluster } = backend;
  const { signal } = context;
  return withAuthIDLock({ fsid, authID }, signal, async () => {
    const before = await readCaps(cluster, authID, signal);
    if (before !== undefined && exceedsShares(before)) return ruleError(foreignID(authID));
    const answer = await authorizeRepaired(scope, grant, before);
    switch (answer.outcome) {
      case 'foreign':
        return ruleError(foreignID(authID));
      case 'inconsistent':
        return ruleError(`Ceph does not take the cephx id ${JSON.stringify(authID)}; choose another one`);
      case 'gone':
        throw notFound('ShareNotInCeph', 'the share was removed on the storage system meanwhile');
      case 'granted':
    }
    if (before !== undefined) {
      // Ceph keeps what an id has; where someone changed that, Ceph does not notice that something is missing.
      const after = (await readCaps(cluster, authID, signal)) ?? {};
      await repairCaps(cluster, authID, { from: after, to: capsWith(after, share, level) }, signal);
    }
    if (downgrade) await evict(scope, share, authID, true);
    return { accessKey: answer.key };
  });
}

async function authorizeRepaired(scope: AccessScope, grant: Grant, before: Caps | undefined): Promise<Authorization> {
  const { backend, share, tenantID, context } = scope;
  const { authID, level } = grant;
  const { cluster } = backend;
  const { signal } = context;
  const attempt = (): Promise<Authorization> => authorize(cluster, share, { authID, level, tenantID }, signal);
  const answer = await attempt();
  if (answer.outcome === 'inconsistent') {
    // Ceph compares the tenant before it stumbles over the capabilities: the id is the tenant's. Where it stumbles over what a
    // manager left that was killed, it has put that right meanwhile.
    if (before !== undefined) {
      await repairCaps(cluster, authID, { from: before, to: capsWith(before, share, level) }, signal);
    }
    return await attempt();
  }
  if (answer.outcome !== 'foreign' || before === undefined) return answer;
  if (!(await hasLostItsRecord(scope, authID, before))) return answer;
  // The old key is not handed out, whoever has it: the id is created again, with what it had on the tenant's other shares.
  await removeEntity(cluster, authID, signal);
  const renewed = await attempt();
  if (renewed.outcome !== 'granted') return renewed;
  const after = (await readCaps(cluster, authID, signal)) ?? {};
  await repairCaps(cluster, authID, { from: after, to: capsWith(before, share, level) }, signal);
  return renewed;
}

/**
 * Whether an id is the tenant's though Ceph denies it. A manager that is killed while it writes its record of an id leaves that
 * empty, and takes the id for one that it did not make. The id is the tenant's when all that it gives access to are shares of
 * the tenant, on which the manager did authorize it.
 */
function hasLostItsRecord(scope: AccessScope, authID: string, caps: Caps): Promise<boolean> {
  const { backend, context } = scope;
  return isOnlyForTenant(scope, caps, async (share) =>
    (await listAuthorized(backend.cluster, share, context.signal)).has(authID),
  );
}
