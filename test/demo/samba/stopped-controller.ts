import { setTimeout as pause } from 'node:timers/promises';
import { shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { type Stage, StepFailed } from '../stage.ts';
import { DomainUser } from './domain-user.ts';
import { referTo } from './other-domain.ts';
import type { SambaStorage } from './samba-demo.ts';

const timeoutMs = 60_000;

/** The domain controller is lost when one of two servers has joined. */
export async function loseDomainController(stage: Stage, { client, domains: { a, b } }: SambaStorage): Promise<void> {
  const { screen } = stage;
  screen.say(
    `Back to ${a.name}, this time one server after the other. When the first is there, the domain controller stops:`,
  );
  await stage.tenant(referTo('ad-a', { securityServiceChange: { maxConcurrentServers: 1 } }));
  const first = await firstServerWith(stage, 'ad-a');
  screen.typed('magenta', `${a.controller.name}#`, 'kill -KILL -1');
  await a.stopController();
  const [second = ''] = (await stage.list(shareServers))
    .map(({ metadata }) => metadata.name)
    .filter((name) => name !== first);
  await stage.until(
    shareServers,
    second,
    'waiting for the domain controller',
    ({ status }) => status?.conditions?.some(({ message }) => message.includes('it is tried again')) === true,
  );
  await stage.tenant('kubectl get shareservers -o wide');
  screen.say('It would be tried for ten minutes. The administrator has less patience:');
  await stage.admin(patchTimeouts('10s'));
  await stage.tenant(
    "kubectl wait sharenetwork/net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Failed --timeout=60s",
  );
  await stage.tenant('kubectl get sharenetworks,shareservers,shareaccesses');
  const servers = await stage.list(shareServers);
  const failed = servers.find(({ metadata }) => metadata.name !== first);
  stage.expect(
    'one server active, the other in error',
    failed?.status?.phase === 'error' &&
      servers.find(({ metadata }) => metadata.name === first)?.status?.phase === 'active',
  );
  const items = await stage.list(shares);
  const behind = items.find(({ status }) => status?.shareServerName === failed?.metadata.name)?.metadata.name ?? '';
  screen.say(`What could not join is still in ${b.name} on its host, and its share "${behind}" is served:`);
  await new DomainUser(stage, client, b, behind === 'projects' ? 'bella' : 'bob').list(behind);

  screen.say('The domain controller is back. The tenant asks to try again:');
  screen.typed('magenta', `${a.controller.name}#`, 'samba -D');
  await a.startController();
  await stage.admin(patchTimeouts(null));
  await stage.untilBackendConfigured('filers');
  await stage.tenant('kubectl annotate --overwrite sharenetwork net-1 sharenet.io/reapply-requested-at=it-is-back');
  await stage.tenant(
    "kubectl wait sharenetwork/net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Succeeded --timeout=60s",
  );
  screen.say('The rule of the engineers came back with the server.');
  await stage.tenant(
    "kubectl wait shareaccess/archive-engineers --for=jsonpath='{.status.phase}'=active --timeout=60s",
  );
  screen.say(`So did those that were in error because ${b.name} did not know their users:`);
  await stage.tenant("kubectl wait shareaccess/projects-anna --for=jsonpath='{.status.phase}'=active --timeout=60s");
  await stage.tenant('kubectl get sharenetworks,shareservers,shareaccesses');
  screen.say('Anna is back, and may change what she wrote:');
  await new DomainUser(stage, client, a, 'anna').write('projects', 'plan', 'written by anna again');
  const { status } = await stage.get(shareNetworks, 'net-1');
  stage.expect('the network of the first domain', status?.securityServices?.[0]?.name === 'ad-a');
}

/** The command that bounds what a call and a server's part in a change may take; null: as it was. */
function patchTimeouts(timeout: string | null): string {
  const spec = { operationTimeout: timeout, changeTimeout: timeout };
  return `kubectl patch storagebackend filers --type=merge -p '${JSON.stringify({ spec })}'`;
}

/** Waits until one server, and not all of them, has a service. @returns its name */
async function firstServerWith(stage: Stage, service: string): Promise<string> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const servers = await stage.list(shareServers);
    const [first, ...more] = servers.filter(({ status }) => status?.securityServices?.[0]?.name === service);
    if (first !== undefined && more.length === 0) return first.metadata.name;
    if (performance.now() > deadline) throw new StepFailed(`no share server alone got ${service}`);
    await pause(50, undefined, { signal: stage.signal });
  }
}
