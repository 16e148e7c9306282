import type {
  CallContext,
  SecurityServiceCheckRequest,
  SecurityServiceCheckResult,
  SecurityServiceUpdateRequest,
  SecurityServiceUpdateResult,
} from '../driver.ts';
import type { Backend } from './backend.ts';
import type { TemplateReason } from './reasons.ts';
import { detailsOf, domainOf, getServer } from './servers.ts';
import type { StoredServer } from './storage-system.ts';

/** Changes nothing. Asks from where the work will be done, with the account that will do it. */
export async function checkSecurityService(
  backend: Backend,
  { server, newSecurityService }: SecurityServiceCheckRequest,
  context: CallContext,
): Promise<SecurityServiceCheckResult> {
  await getServer(backend, server, context);
  if (newSecurityService.domain === undefined) {
    const reason: TemplateReason = 'DomainMissing';
    return { compatible: false, reason, message: `${newSecurityService.name} names no domain` };
  }
  const impact = { disruptsSessions: true, estimatedSeconds: 5, text: 'users have to log in again' };
  return { compatible: true, impact };
}

/** Sets up the new beside the old, switches, and leaves the old last: what fails early has changed nothing. */
export async function updateSecurityService(
  backend: Backend,
  { server, newSecurityService }: SecurityServiceUpdateRequest,
  context: CallContext,
): Promise<SecurityServiceUpdateResult> {
  const stored = await getServer(backend, server, context);
  const domain = domainOf([newSecurityService]);
  const changed: StoredServer = { ...stored, ...(domain === undefined ? {} : { domain }) };
  await backend.system.saveServer(server.id, changed, context.signal);
  backend.logger.info({ shareServer: server.name }, 'switched to another domain');
  return { backendDetails: detailsOf(changed) };
}
