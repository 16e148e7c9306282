import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Call, type CallRequest, grantedRulesOf, servicesOf } from '../calls/call.ts';
import type { DummyFault } from '../config.ts';
import type { DocumentStore } from '../storage/document-store.ts';

const strikesSchema = z.object({ entry: z.string(), strikes: z.int() });

/** The faults of a dummy backend and how often each has struck. */
export interface FaultInjector {
  /** The first fault that strikes this call, if any; the strike is counted. */
  strike(call: Call): DummyFault | undefined;
}

/**
 * Counts the strikes of each entry in the backend's documents. The counts of entries that are no longer configured are
 * dropped: an entry that was changed, or comes back, counts afresh.
 */
export function createFaultInjector(faults: readonly DummyFault[], store: DocumentStore): FaultInjector {
  const entries = withKeys(faults);
  const keys = new Set(entries.map(({ key }) => key));
  for (const document of store.list('faults')) {
    const { entry } = strikesSchema.parse(document);
    if (!keys.has(entry)) store.remove('faults', entry);
  }
  return {
    strike: (call) => {
      for (const { fault, key } of entries) {
        if (fault.operation !== call.operation || !concerns(fault, call)) continue;
        if (fault.times === undefined || fault.times === 0) return fault;
        const document = store.read('faults', key);
        const strikes = document === undefined ? 0 : strikesSchema.parse(document).strikes;
        if (strikes >= fault.times) continue;
        store.write('faults', key, { entry: key, strikes: strikes + 1 });
        return fault;
      }
      return undefined;
    },
  };
}

/** Whether a rule is one that the fault's match names. */
export function strikesRule(fault: DummyFault, accessTo: string): boolean {
  return fault.match?.accessTo === undefined || fault.match.accessTo === accessTo;
}

/** Equal entries are distinguished by their order among each other. */
function withKeys(faults: readonly DummyFault[]): { fault: DummyFault; key: string }[] {
  const seen = new Map<string, number>();
  return faults.map((fault) => {
    const { operation, match = {}, kind, message, refusesCredentials, times } = fault;
    const { namespace, shareServer, share, accessTo, securityService } = match;
    const content: unknown[] = [
      operation,
      namespace,
      shareServer,
      share,
      accessTo,
      securityService,
      kind,
      message,
      times,
    ];
    if (refusesCredentials === true) content.push('refusesCredentials');
    const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
    const ordinal = seen.get(digest) ?? 0;
    seen.set(digest, ordinal + 1);
    return { fault, key: `${digest}-${ordinal}` };
  });
}

function concerns(fault: DummyFault, { request, context }: Call): boolean {
  // The work that an earlier InProgress left on the backend has ended.
  if (fault.kind === 'inProgress' && context.operation?.token !== undefined) return false;
  if (fault.kind === 'ruleError' && !grantedRulesOf(request).some(({ accessTo }) => strikesRule(fault, accessTo))) {
    return false;
  }
  const match = fault.match ?? {};
  return (
    (match.namespace === undefined || match.namespace === context.tenant?.namespace) &&
    (match.shareServer === undefined || match.shareServer === request.server?.name) &&
    (match.share === undefined || shareNames(request).includes(match.share)) &&
    (match.accessTo === undefined || targets(request).includes(match.accessTo)) &&
    (match.securityService === undefined || servicesOf(request).some(({ name }) => name === match.securityService))
  );
}

function shareNames({ share, shares = [] }: CallRequest): string[] {
  return [...(share === undefined ? [] : [share]), ...shares].map(({ name }) => name);
}

function targets(request: CallRequest): string[] {
  return [...grantedRulesOf(request), ...(request.deleteRules ?? [])].map(({ accessTo }) => accessTo);
}
