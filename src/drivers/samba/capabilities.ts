import type { CallContext, Capabilities } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { Backend } from './backend.ts';
import { describeHost, type HostDescription, hostProblem } from './hosts/host-description.ts';
import type { HostAnswer } from './hosts/hosts.ts';
import type { SambaReason } from './reasons.ts';
import { type HostVersion, sambaVulnerabilities } from './versions.ts';

/**
 * What the backend can do. It works while one host is fit: what is on others waits, and comes back with them.
 * @throws DriverError `Unavailable` when none is
 */
export async function getCapabilities(
  { config, hosts, logger }: Backend,
  { signal }: Pick<CallContext, 'signal'>,
): Promise<Capabilities> {
  const answers = await hosts.ask((host) => describeHost(host, signal));
  const unfit = answers.flatMap((answer) => {
    const why = whyUnfit(answer);
    return why === undefined ? [] : [{ host: answer.host.name, ...why }];
  });
  const [first] = unfit;
  if (first !== undefined && unfit.length === answers.length) {
    const others = unfit.length === 1 ? '' : `; and ${unfit.length - 1} more of ${answers.length} hosts are not fit`;
    const { reason, message, detail } = first;
    // None is asked before one of them may be.
    const retryAfter = Math.min(...answers.map((answer) => (answer.answered ? 0 : (answer.error.retryAfter ?? 0))));
    throw new DriverError({ kind: 'Unavailable', reason, message: `${message}${others}`, retryAfter, ...detail });
  }
  for (const { host, reason, message, detail } of unfit) {
    logger.warn({ host, reason, error: message, ...detail }, 'a host takes no share servers');
  }
  return {
    driverHandlesShareServers: true,
    securityServiceUpdateSupport: true,
    securityServiceTypes: ['active_directory', 'ldap'],
    // One Samba instance has one source of users.
    securityServiceCombinations: [['active_directory'], ['ldap']],
    ...(config.standaloneServers ? {} : { requiredSecurityServices: { CIFS: ['active_directory', 'ldap'] } }),
    shareProtocols: ['CIFS'],
    accessTypesByProtocol: { CIFS: ['user', 'ip'] },
    accessLevels: ['rw', 'ro'],
    userNames: { minLength: 1, domainQualified: true, caseInsensitive: true },
    accessKeyTypes: [],
    networkAllocationsPerServer: 1,
    // When a host goes or comes back its shares are looked at again: then this text changes.
    backendInfo: ['samba/1', ...answers.map(stateOf)].join(' '),
    knownVulnerabilities: sambaVulnerabilities(answers.flatMap(versionOf)),
    capacity: capacityOf(answers),
  };
}

type Described = HostAnswer<HostDescription>;

function whyUnfit(
  answer: Described,
): { readonly reason: string; readonly message: string; readonly detail: { readonly detail?: string } } | undefined {
  if (!answer.answered) {
    const { reason, message, detail } = answer.error;
    return { reason, message, detail: detail === undefined ? {} : { detail } };
  }
  const problem = hostProblem(answer.answer);
  if (problem === undefined) return undefined;
  const reason: SambaReason = 'HostNotPrepared';
  return { reason, message: `host ${answer.host.name} is not prepared: ${problem}`, detail: {} };
}

function versionOf(answer: Described): readonly HostVersion[] {
  return answer.answered ? [{ host: answer.host.name, ...answer.answer }] : [];
}

function stateOf(answer: Described): string {
  if (!answer.answered) return `${answer.host.name}=unreachable`;
  const { programVersion, sambaVersion } = answer.answer;
  return `${answer.host.name}=${programVersion}/${sambaVersion}`;
}

/** Of the hosts that answer: on others nothing can be placed. */
function capacityOf(answers: readonly Described[]): { readonly total: number; readonly available: number } {
  let total = 0;
  let available = 0;
  for (const answer of answers) {
    if (!answer.answered || hostProblem(answer.answer) !== undefined) continue;
    total += answer.answer.capacity.total;
    available += answer.answer.capacity.available;
  }
  return { total, available };
}
