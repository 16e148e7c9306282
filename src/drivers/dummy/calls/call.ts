import type {
  AccessRequest,
  CallContext,
  DriverAccessRule,
  DriverOperation,
  DriverSecurityService,
  DriverServer,
  DriverShare,
  SecurityServiceUpdateRequest,
  ServerSetupRequest,
} from '../../driver.ts';
import { isRecovery } from '../../kit/access-rules.ts';

/** What a request of any driver method may hold. */
export type CallRequest = Partial<
  Omit<ServerSetupRequest, 'server'> &
    Omit<AccessRequest, 'accessRules' | 'server'> &
    Omit<SecurityServiceUpdateRequest, 'accessRules' | 'server'> & {
      readonly server: DriverServer | undefined;
      readonly newSize: number;
      readonly accessRules: readonly DriverAccessRule[] | ReadonlyMap<string, readonly DriverAccessRule[]>;
    }
>;

/** The parts of a context that a probe has, and those that only other calls have. */
export type AnyCallContext = Pick<CallContext, 'signal' | 'logger' | 'installationID'> &
  Partial<Pick<CallContext, 'operation' | 'tenant'>>;

/** One call of a driver method. */
export interface Call {
  readonly operation: DriverOperation;
  readonly request: CallRequest;
  readonly context: AnyCallContext;
}

/** All rules that a request is about by their wanted state: those of one share, or of all shares of a server. */
function rulesOf(request: CallRequest): readonly DriverAccessRule[] {
  const { accessRules } = request;
  if (accessRules === undefined) return [];
  return isRuleList(accessRules) ? accessRules : [...accessRules.values()].flat();
}

/** The security services that a request is to use: the new one of a check or an update, all of a set-up or a tear-down. */
export function servicesOf({
  newSecurityService,
  securityServices = [],
}: CallRequest): readonly DriverSecurityService[] {
  return newSecurityService === undefined ? securityServices : [newSecurityService];
}

/** The rules that a call grants or changes: the delta lists, or all rules of a recovery or an update of a service. */
export function grantedRulesOf(request: CallRequest): readonly DriverAccessRule[] {
  const { addRules = [], updateRules = [], deleteRules = [] } = request;
  return isRecovery({ addRules, updateRules, deleteRules }) ? rulesOf(request) : [...addRules, ...updateRules];
}

/** What the call log shows of a request: no password and no backend secret. */
export function loggedArguments(call: Call): Record<string, unknown> {
  const { request, context } = call;
  const { accessRules } = request;
  return withoutUndefined({
    operation: context.operation,
    server: serverView(request.server),
    network: request.network && { id: request.network.id, name: request.network.name },
    share: request.share && shareView(request.share),
    shares: request.shares?.map(shareView),
    newSize: request.newSize,
    securityServices: request.securityServices?.map(serviceView),
    newSecurityService: request.newSecurityService && serviceView(request.newSecurityService),
    currentSecurityService: request.currentSecurityService && serviceView(request.currentSecurityService),
    attemptedSecurityService: request.attemptedSecurityService && serviceView(request.attemptedSecurityService),
    accessRules:
      accessRules === undefined || isRuleList(accessRules)
        ? accessRules?.map(ruleView)
        : Object.fromEntries([...accessRules].map(([share, rules]) => [share, rules.map(ruleView)])),
    addRules: request.addRules?.map(ruleView),
    deleteRules: request.deleteRules?.map(ruleView),
    updateRules: request.updateRules?.map(ruleView),
  });
}

/** The fields of a security service that are no secret, and whether a password was passed. */
export function serviceView(service: DriverSecurityService): Record<string, unknown> {
  const { password, ...rest } = service;
  return { ...rest, passwordSet: password !== undefined };
}

function serverView(server: DriverServer | undefined): Record<string, unknown> | undefined {
  if (server === undefined) return undefined;
  const { id, name, hostname, identifier, allocations } = server;
  return withoutUndefined({ id, name, hostname, identifier, addresses: allocations.map(({ ipAddress }) => ipAddress) });
}

function shareView(share: DriverShare): Record<string, unknown> {
  const { id, name, protocol, size, identifier } = share;
  return withoutUndefined({ id, name, protocol, size, identifier });
}

function ruleView(rule: DriverAccessRule): DriverAccessRule {
  const { id, name, accessType, accessTo, accessLevel } = rule;
  return { id, name, accessType, accessTo, accessLevel };
}

function isRuleList(
  rules: readonly DriverAccessRule[] | ReadonlyMap<string, readonly DriverAccessRule[]>,
): rules is readonly DriverAccessRule[] {
  return Array.isArray(rules);
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
