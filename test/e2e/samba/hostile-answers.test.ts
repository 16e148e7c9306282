import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type Harm, HostileController } from '../../labs/ad/hostile-controller.ts';
import { controlGroup, mountControlGroups } from './control-groups.ts';
import { DirectoryServer } from './directory-rig.ts';
import { startHost } from './host-calls.ts';

// A domain controller, a name server and an LDAP server that answer without end, in parts, in circles or too much.

const { lab, host, calls } = await startHost();
await mountControlGroups(host);
const controller = await HostileController.start(await lab.addMachine('10.77.0.15/24'));
const server = new DirectoryServer(lab, host, calls, '10.77.0.141');
const checked = new DirectoryServer(lab, host, calls, '10.77.0.143');
await server.create();
await checked.create();
const other = await calls.createServer('10.77.0.142');
const memory = host.machine.file(controlGroup('memory', server.id));
/** A call's deadline in seconds, as {@link HostCalls.request} has it, and what a call takes besides. */
const longest = 60 + 5;
/** Of the control group: what one command may have (512 MiB), and smbd. */
const mostMemory = 600 << 20;
const mostOfProgram = 150 << 20;

type Members = Readonly<Record<string, unknown>>;

function domainOf(more: Members = {}): Members {
  const account = { user: 'joiner', password: 'Joiner-Passw0rd!' };
  const { domain, address } = controller;
  return { id: 'evil', name: 'evil', type: 'active_directory', dnsIPs: [address], domain, ...account, ...more };
}

function ldapOf(more: Members = {}): Members {
  const account = { user: 'cn=samba,dc=evil,dc=test', password: 'Bind-Passw0rd!' };
  const { address } = controller;
  const tls = { mode: 'Opportunistic' };
  return { id: 'evil', name: 'evil', type: 'ldap', servers: [address], tls, ...account, ...more };
}

/** Highest memory in bytes of the programs that answer calls, read until it is stopped. */
function watchPrograms(): { readonly end: () => Promise<number> } {
  let most = 0;
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      const { stdout } = await host.machine.run(['ps', '-eo', 'rss,args']);
      for (const line of stdout.split('\n')) {
        const rss = /^\s*(\d+) .*sharenet-samba-host$/.exec(line)?.[1];
        most = Math.max(most, 1024 * Number(rss ?? 0));
      }
    }
  })();
  return {
    end: async () => {
      ended = true;
      await watching;
      return most;
    },
  };
}

/** All that the host has of the server and of the call, without what changes by itself. */
async function remains(): Promise<string> {
  const script = `cd ${host.root}/servers/${server.id} && find . -path ./log -prune -o -path ./run -prune -o -print | sort &&
    cat etc/samba/smb.conf etc/krb5.conf etc/hosts etc/resolv.conf && ps -eo args | grep -c '[s]harenet-samba-host$'; true`;
  return host.machine.succeed(['sh', '-c', script]);
}

const cases: readonly (readonly [what: string, harm: Harm, service: Members, reason: string])[] = [
  ['a name server that is slow with many names', { dns: 'slow' }, domainOf(), 'LoginFailed'],
  ['a name server that tells very many names', { dns: 'many' }, domainOf(), 'LoginFailed'],
  ['a name server that answers a byte at a time', { dns: 'drip' }, domainOf(), 'NameServerNotAnswering'],
  ['names that go in a circle', { dns: 'loop' }, domainOf(), 'NameServerNotAnswering'],
  ['a name server that sends what is no answer', { dns: 'garbage' }, domainOf(), 'NameServerNotAnswering'],
  ['a controller that is silent', { ldap: 'silent' }, domainOf(), 'DomainControllerNotAnswering'],
  ['a controller that answers a byte at a time', { ldap: 'drip' }, domainOf(), 'DomainControllerNotAnswering'],
  ['an answer of two GiB', { ldap: 'huge' }, domainOf(), 'DomainControllerNotAnswering'],
  ['entries without end', { ldap: 'entries' }, domainOf(), 'DomainControllerNotAnswering'],
  ['a very long list of values', { ldap: 'values' }, domainOf(), 'DomainControllerNotAnswering'],
  ['references without end', { ldap: 'references' }, domainOf(), 'DomainControllerNotAnswering'],
  ['a referral to itself', { ldap: 'referral' }, domainOf(), 'DomainControllerNotAnswering'],
  ['a flood about the name of the domain', { ping: 'flood' }, domainOf({ user: 'EVIL\\joiner' }), 'LoginFailed'],
  ['silence about the name of the domain', { ping: 'silent' }, domainOf({ user: 'EVIL\\joiner' }), 'LoginFailed'],
  ['Kerberos a byte at a time', { kerberos: 'drip' }, domainOf(), 'DomainControllerNotAnswering'],
  ['a ticket of two GiB', { kerberos: 'huge' }, domainOf(), 'DomainControllerNotAnswering'],
  ['Kerberos that asks again and again', { kerberos: 'again' }, domainOf(), 'LoginFailed'],
  ['Kerberos that wants proof without a way', { kerberos: 'prove' }, domainOf(), 'LoginRefused'],
  ['an LDAP server that is silent', { ldap: 'silent' }, ldapOf(), 'LDAPServerNotAnswering'],
  ['an LDAP server that answers a byte at a time', { ldap: 'drip' }, ldapOf(), 'LDAPServerNotAnswering'],
  ['an answer of two GiB by LDAP', { ldap: 'huge' }, ldapOf(), 'LDAPServerNotAnswering'],
  ['entries without end by LDAP', { ldap: 'entries' }, ldapOf(), 'LDAPServerNotAnswering'],
  ['references without end by LDAP', { ldap: 'references' }, ldapOf(), 'LDAPServerNotAnswering'],
  ['a referral to itself by LDAP', { ldap: 'referral' }, ldapOf(), 'LDAPServerNotAnswering'],
  ['entries without end after a login', { ldap: 'late' }, ldapOf(), 'LDAPServerNotAnswering'],
];

test.each(cases)('%s keeps no call, no memory and no other server', async (_what, harm, service, reason) => {
  await controller.answer(harm);
  const before = await remains();
  await host.machine.succeed(['sh', '-c', `echo 0 >${controlGroup('memory', server.id)}/memory.max_usage_in_bytes`]);
  const watched = watchPrograms();
  const started = performance.now();
  const both = Promise.all([server.tryUpdate(service), checked.check(service)]);
  let ended = false;
  void both.finally(() => {
    ended = true;
  });
  do {
    expect(await calls.succeed('describe', { serverID: other.id })).toMatchObject({ healthy: true });
  } while (!ended);
  const [updated, check] = await both;
  expect((performance.now() - started) / 1000).toBeLessThan(longest);
  const refused = { ok: false, error: { reason } };
  expect(updated).toMatchObject(refused);
  const later = !updated.ok && updated.error.kind === 'Unavailable';
  expect(check).toMatchObject(later ? refused : { result: { compatible: false, reason } });
  expect(Number(await readFile(`${memory}/memory.max_usage_in_bytes`, 'utf8'))).toBeLessThan(mostMemory);
  expect(await watched.end()).toBeLessThan(mostOfProgram);
  expect(await remains()).toBe(before);
});
