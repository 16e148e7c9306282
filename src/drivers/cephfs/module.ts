import type { DriverModule } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { CephFSDriver } from './cephfs-driver.ts';
import { type CephFSConfig, cephfsConfigSchema } from './config.ts';
import { connectLibrados } from './librados.ts';

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
    return new CephFSDriver(options, connectLibrados({ monitors, user, key: keyOf(options) }));
  },
};

/** @throws DriverError `Rejected` when the Secret has no key */
function keyOf({ config, credentials }: Parameters<typeof cephfsDriver.createDriver>[0]): string {
  const key = credentials[keyField]?.trim() ?? '';
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return key;
  throw new DriverError({
    kind: 'Rejected',
    reason: 'CredentialsInvalid',
    message: `Secret ${config.credentialsSecretName} must have the key of the Ceph user client.${config.user}, in base64, as ${keyField}`,
  });
}
