import { z } from 'zod';
import { safeText } from '../../values/safe-text.ts';
import type {
  AccessRequest,
  AccessUpdate,
  AccessUpdates,
  CallContext,
  DriverAccessRule,
  DriverServer,
  DriverShare,
} from '../driver.ts';
import { DriverError } from '../errors.ts';
import { onlyDenies, ruleError } from '../kit/access-rules.ts';
import { ownerOf } from '../kit/owner.ts';
import type { Backend } from './backend.ts';
import type { Host } from './hosts/host.ts';
import { serverOf } from './shares.ts';

const accessSchema = z.object({
  results: z.record(
    z.string(),
    z.object({ state: z.literal('error').nullish(), reason: z.string().nullish(), message: z.string().nullish() }),
  ),
});

const accessTypes: readonly DriverAccessRule['accessType'][] = ['user', 'ip'];

/** Most rules of a share that a host is sent; it takes fewer, and says so of each of the others. */
const maxRules = 8000;

/** Makes the share's rules those that are wanted; on a share that is gone, denials have succeeded. */
export async function updateAccess(
  { hosts }: Backend,
  request: AccessRequest,
  context: CallContext,
): Promise<AccessUpdates> {
  const { share, accessRules } = request;
  const server = serverOf(request);
  try {
    return await setRules(hosts.of(server), { server, share, accessRules }, context);
  } catch (error) {
    if (onlyDenies(request) && error instanceof DriverError && error.kind === 'NotFound') return new Map();
    throw error;
  }
}

/** What the rules of a share are to be. `number`: when that was decided, where it is not now. */
interface WantedRules {
  readonly number?: number;
  readonly server: DriverServer;
  readonly share: DriverShare;
  readonly accessRules: readonly DriverAccessRule[];
}

/** Makes the share's rules these, whatever they were. What is wrong with one rule is that rule's error. */
export async function setRules(
  host: Host,
  { server, share, accessRules, number }: WantedRules,
  context: CallContext,
): Promise<AccessUpdates> {
  const known = accessRules.filter(({ accessType }) => accessTypes.includes(accessType)).slice(0, maxRules);
  const { results } = await host.call({
    verb: 'access-set',
    request: {
      owner: ownerOf(context),
      serverID: server.id,
      shareID: share.id,
      rules: known.map(({ id, accessType, accessTo, accessLevel }) => ({
        id,
        type: accessType,
        to: accessTo,
        level: accessLevel,
      })),
    },
    schema: accessSchema,
    signal: context.signal,
    ...(number === undefined ? {} : { number }),
  });
  const updates = new Map<string, AccessUpdate>();
  for (const { id, accessType } of accessRules) {
    const result = results[id];
    if (!accessTypes.includes(accessType)) {
      updates.set(id, ruleError(`shares of this backend take no rules of type ${accessType}`));
    } else if (result === undefined) {
      updates.set(id, ruleError(`a share of this backend takes fewer than ${maxRules} rules`));
    } else if (result.state === 'error') {
      const reason = safeText(result.message ?? result.reason ?? '', 255);
      updates.set(id, ruleError(reason === '' ? 'the file server refused the rule' : reason));
    } else {
      updates.set(id, {});
    }
  }
  return updates;
}
