import type { DriverModule } from '../driver.ts';
import { createCephFSDriver } from './cephfs-driver.ts';
import { type CephFSConfig, cephfsConfigSchema } from './config.ts';
import { readOperatorKey } from './login/operator-key.ts';
import { connectLibrados } from './rados/librados.ts';
import { rejected } from './reasons.ts';

/** Key of the credentials Secret's data that holds the key of the operator's Ceph user. */
const keyField = 'userKey';

/** Shares of a CephFS file system, with cephx keys for access rules. */
export const cephfsDriver: DriverModule<CephFSConfig> = {
  driverAPIVersion: 1,
  configSchema: cephfsConfigSchema,
  identityFields: ['fsName', 'group'],
  credentialsSecretName: ({ credentialsSecretName }) => credentialsSecretName,
  createDriver: (options) => {
    const { monitors, user } = options.config;
    return createCephFSDriver(options, connectLibrados({ monitors, user, key: keyOf(options) }));
  },
};

/** @throws DriverError `Rejected` when the Secret has no key */
function keyOf({ config, credentials }: Parameters<typeof cephfsDriver.createDriver>[0]): string {
  const read = readOperatorKey(credentials[keyField] ?? '', config.user);
  if (read.ok) return read.key;
  throw rejected(
    'CredentialsInvalid',
    `Secret ${config.credentialsSecretName} must have the key of the Ceph user client.${config.user} as ${keyField}: ` +
      `it ${read.problem} (ceph auth get-key client.${config.user} prints the key)`,
  );
}
