import { z } from 'zod';
import { safeReason, safeText } from '../../values/safe-text.ts';
import type {
  AccessUpdates,
  CallContext,
  SecurityServiceCheckRequest,
  SecurityServiceCheckResult,
  SecurityServiceUpdateRequest,
  SecurityServiceUpdateResult,
} from '../driver.ts';
import { ownerOf } from '../kit/owner.ts';
import { setRules } from './access.ts';
import { type Backend, longSeconds } from './backend.ts';
import type { Host } from './hosts/host.ts';
import { workOn } from './hosts/identifiers.ts';
import { passwordsOf, serverView, serviceView, settingsOf } from './hosts/requests.ts';
import { credentialsIn, detailsSchema, warningsSchema } from './hosts/results.ts';

const checkSchema = z.object({
  compatible: z.boolean(),
  credentialsRefused: z.boolean().nullish(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  impact: z
    .object({ disruptsSessions: z.boolean(), estimatedSeconds: z.number().nonnegative(), text: z.string() })
    .nullish(),
});

const updateSchema = z.object({ details: detailsSchema, warnings: warningsSchema });

/** Asks the share server itself, from its own network, whether the change would succeed; nothing is changed. */
export async function checkSecurityService(
  { hosts, config }: Backend,
  { server, shares, newSecurityService, currentSecurityService }: SecurityServiceCheckRequest,
  context: CallContext,
): Promise<SecurityServiceCheckResult> {
  const { compatible, credentialsRefused, reason, message, impact } = await hosts.of(server).call({
    verb: 'check',
    request: {
      owner: ownerOf(context),
      serverID: server.id,
      newService: serviceView(newSecurityService),
      ...(currentSecurityService === undefined ? {} : { currentService: serviceView(currentSecurityService) }),
      shares: shares.map(({ id }) => id),
      settings: settingsOf(config),
    },
    schema: checkSchema,
    signal: context.signal,
    secrets: passwordsOf([newSecurityService, currentSecurityService]),
    serviceID: newSecurityService.id,
  });
  return {
    compatible,
    ...(credentialsRefused === true ? { refusedCredentials: [newSecurityService.id] } : {}),
    ...(reason == null ? {} : { reason: safeReason(reason, 'Incompatible') }),
    ...(message == null ? {} : { message: safeText(message) }),
    ...(impact == null ? {} : { impact: { ...impact, text: safeText(impact.text) } }),
  };
}

/**
 * Gives the share server the changed service, then its shares their rules again: names in them are those of other users now.
 * @throws InProgress while it takes longer than a call should wait
 */
export async function updateSecurityService(
  { hosts, config, updates }: Backend,
  request: SecurityServiceUpdateRequest,
  context: CallContext,
): Promise<SecurityServiceUpdateResult> {
  const { server, newSecurityService, currentSecurityService, attemptedSecurityService } = request;
  const host = hosts.of(server);
  return await updates.run(workOn(server, host), context, async (signal) => {
    // The rules are those of now: a call that sets a share's rules meanwhile is newer.
    const number = host.decideNow();
    const { details, warnings } = await host.call({
      verb: 'update-security-service',
      request: {
        owner: ownerOf(context),
        server: serverView(server),
        newService: serviceView(newSecurityService),
        ...(currentSecurityService === undefined ? {} : { currentService: serviceView(currentSecurityService) }),
        ...(attemptedSecurityService === undefined ? {} : { attemptedService: serviceView(attemptedSecurityService) }),
        settings: settingsOf(config),
      },
      schema: updateSchema,
      signal,
      number,
      deadlineSeconds: longSeconds,
      secrets: passwordsOf([newSecurityService, currentSecurityService, attemptedSecurityService]),
      serviceID: newSecurityService.id,
    });
    const accessUpdates = await setAllRules(host, request, number, { ...context, signal });
    return { backendDetails: { ...details, host: host.name }, accessUpdates, warnings, ...credentialsIn(warnings) };
  });
}

async function setAllRules(
  host: Host,
  { server, shares, accessRules }: SecurityServiceUpdateRequest,
  number: number,
  context: CallContext,
): Promise<ReadonlyMap<string, AccessUpdates>> {
  const updates = new Map<string, AccessUpdates>();
  for (const share of shares) {
    const rules = accessRules.get(share.id);
    if (rules !== undefined)
      updates.set(share.id, await setRules(host, { server, share, accessRules: rules, number }, context));
  }
  return updates;
}
