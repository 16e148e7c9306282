import type { DriverModule, DriverOptions } from '../driver.ts';
import { type SambaConfig, type SambaHostConfig, sambaConfigSchema } from './config.ts';
import { Host } from './hosts/host.ts';
import { Hosts } from './hosts/hosts.ts';
import { rejected } from './reasons.ts';
import { createSambaDriver } from './samba-driver.ts';
import { privateKeyFault } from './ssh/keys.ts';

/** Key of the credentials Secret's data that holds the private SSH key; `<host name>.` before it is for one host alone. */
const keyField = 'sshPrivateKey';

/** CIFS shares of Samba share servers on Linux hosts, in an Active Directory domain or with the users of an LDAP server. */
export const sambaDriver: DriverModule<SambaConfig> = {
  driverAPIVersion: 1,
  configSchema: sambaConfigSchema,
  identityFields: ['idmap'],
  credentialsSecretName: ({ credentialsSecretName }) => credentialsSecretName,
  createDriver: (options) => {
    const { config, installationID, backendName: backend } = options;
    const caller = { installationID, backend };
    const hosts = config.hosts.map((host) => new Host(host, privateKeyOf(host, options), caller));
    return createSambaDriver(options, new Hosts(hosts));
  },
};

/** @throws DriverError `Rejected` when the Secret has no key for the host */
function privateKeyOf({ name }: SambaHostConfig, { config, credentials }: DriverOptions<SambaConfig>): string {
  const ownField = `${name}.${keyField}`;
  const key = credentials[ownField] ?? credentials[keyField] ?? '';
  const fault = privateKeyFault(key);
  if (fault === undefined) return key;
  const field = credentials[ownField] === undefined ? keyField : ownField;
  throw rejected(
    'CredentialsInvalid',
    `Secret ${config.credentialsSecretName} must have a private SSH key without passphrase for host ${name}, ` +
      `as ${keyField} or ${ownField}: ${field} ${fault}`,
  );
}
