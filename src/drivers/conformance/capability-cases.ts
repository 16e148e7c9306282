import assert from 'node:assert/strict';
import type { Capabilities } from '../driver.ts';
import type { ConformanceCase } from './conformance-case.ts';
import type { ConformanceSession } from './session.ts';

const protocols: readonly string[] = ['NFS', 'CIFS', 'CEPHFS'];
const accessTypes: readonly string[] = ['ip', 'user', 'cert', 'cephx'];
const serviceTypes: readonly string[] = ['active_directory', 'ldap', 'kerberos'];

/** What a driver says about itself. */
export const capabilityCases: readonly ConformanceCase[] = [
  { name: 'capabilities are well-formed', run: async ({ capabilities }) => requireWellFormed(capabilities) },
  {
    name: 'capabilities stay the same over calls and restarts, but for the capacity',
    run: async (session) => {
      const { capacity: _, ...first } = session.capabilities;
      for (const reopen of [false, true]) {
        if (reopen) await session.restart();
        const { capacity: __, ...again } = await session.driver.getCapabilities(session.context());
        assert.deepEqual(again, first);
      }
    },
  },
  {
    name: 'the driver has the methods that its capabilities promise',
    run: async ({ capabilities, driver }) => {
      if (!capabilities.securityServiceUpdateSupport) return;
      assert(driver.checkUpdateShareServerSecurityService, 'checkUpdateShareServerSecurityService is missing');
      assert(driver.updateShareServerSecurityService, 'updateShareServerSecurityService is missing');
    },
  },
  {
    name: 'the fixture supplies what the capabilities call for',
    run: async (session) => requireFixture(session),
  },
  {
    name: 'a driver can be closed and opened again',
    run: async (session) => {
      await session.restart();
      await session.restart();
      await session.driver.getCapabilities(session.context());
    },
  },
];

function requireWellFormed(capabilities: Capabilities): void {
  const { accessTypesByProtocol, shareProtocols, securityServiceTypes, accessKeyTypes, capacity } = capabilities;
  requireWords('shareProtocols', shareProtocols, protocols);
  requireWords('securityServiceTypes', securityServiceTypes, serviceTypes);
  requireWords('accessLevels', capabilities.accessLevels, ['rw', 'ro']);
  assert(shareProtocols.length > 0, 'shareProtocols is empty');
  assert(capabilities.accessLevels.length > 0, 'accessLevels is empty');
  requireWords('keys of accessTypesByProtocol', Object.keys(accessTypesByProtocol), shareProtocols);
  for (const protocol of shareProtocols) {
    const types = accessTypesByProtocol[protocol] ?? [];
    assert(types.length > 0, `accessTypesByProtocol has no types for ${protocol}`);
    requireWords(`accessTypesByProtocol.${protocol}`, types, accessTypes);
  }
  requireWords('accessKeyTypes', accessKeyTypes, Object.values(accessTypesByProtocol).flat());
  for (const combination of capabilities.securityServiceCombinations ?? []) {
    requireWords('securityServiceCombinations', combination, securityServiceTypes);
  }
  for (const [protocol, types] of Object.entries(capabilities.requiredSecurityServices ?? {})) {
    requireWords('keys of requiredSecurityServices', [protocol], shareProtocols);
    requireWords(`requiredSecurityServices.${protocol}`, types, securityServiceTypes);
  }
  const { driverHandlesShareServers, securityServiceUpdateSupport, networkAllocationsPerServer } = capabilities;
  assert(Number.isInteger(networkAllocationsPerServer), 'networkAllocationsPerServer is not an integer');
  assert(networkAllocationsPerServer >= 0, 'networkAllocationsPerServer is negative');
  assert(
    driverHandlesShareServers || !securityServiceUpdateSupport,
    'securityServiceUpdateSupport without driverHandlesShareServers',
  );
  if (capacity === undefined) return;
  assert(Number.isSafeInteger(capacity.total), 'capacity.total is not a whole number of bytes');
  assert(Number.isSafeInteger(capacity.available), 'capacity.available is not a whole number of bytes');
  assert(0 <= capacity.available && capacity.available <= capacity.total, 'capacity.available is out of bounds');
}

function requireWords(what: string, words: readonly string[], allowed: readonly string[]): void {
  const unknown = words.filter((word) => !allowed.includes(word));
  assert(unknown.length === 0, `${what} has ${unknown.join(', ')}; allowed are ${allowed.join(', ')}`);
  assert(new Set(words).size === words.length || what === 'accessKeyTypes', `${what} names something twice`);
}

function requireFixture({ capabilities, fixture }: ConformanceSession): void {
  const [first, second] = fixture.tenants;
  assert.notEqual(first.namespaceUID, second.namespaceUID, 'the two tenants are the same');
  if (capabilities.driverHandlesShareServers) assert(fixture.newServer, 'newServer is missing');
  if (capabilities.accessKeyTypes.length > 0) assert(fixture.newKeyedRule, 'newKeyedRule is missing');
  if (!capabilities.securityServiceUpdateSupport) return;
  assert(fixture.securityServices, 'securityServices is missing');
  const { initial, next } = fixture.securityServices;
  assert.equal(next.type, initial[0].type, 'the next security service must be of the type of the first initial one');
  assert(initial[0].password !== undefined && next.password !== undefined, 'the security services need passwords');
}
