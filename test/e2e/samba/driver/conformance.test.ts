import { describeDriverConformance } from '../../../../src/drivers/conformance.ts';
import type { DriverSecurityService } from '../../../../src/drivers/driver.ts';
import { createSambaFixture } from '../../../../src/drivers/samba/conformance-fixture.ts';
import { type LDAPLab, startLDAP } from '../../../labs/ldap/ldap-lab.ts';
import { startSambaHosts } from '../../../labs/samba-host/samba-host.ts';
import { testHostsOf } from './test-hosts.ts';

const corp = await startLDAP();
const { segment } = corp;
const branch = await startLDAP({ segment, address: '10.77.0.14/24', suffix: 'dc=branch,dc=test', domain: 'BRANCH' });
const lab = await startSambaHosts({ segment });
const services = { initial: serviceOf('corp', corp), next: serviceOf('branch', branch) };
const hosts = await testHostsOf(lab, services, async () => {
  await lab.stop();
  await branch.stop();
  await corp.stop();
});

// Of a domain each server would take some seconds to be joined; those are in the tests of the operator.
describeDriverConformance('samba', createSambaFixture(hosts), { caseTimeout: 180_000, concurrent: true });

function serviceOf(name: string, { address, bindDN, bindPassword }: LDAPLab): DriverSecurityService {
  const account = { user: bindDN, password: bindPassword };
  return { id: `service-${name}`, name, type: 'ldap', servers: [address], tls: { mode: 'Opportunistic' }, ...account };
}
