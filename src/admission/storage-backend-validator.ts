import { storageBackends } from '../api/v1alpha1/resource-types.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { usersOfBackend } from '../cluster-state/backend-users.ts';
import { identityRefusal, keepIdentity } from '../drivers/identity.ts';
import { backendConfigOf, configMemberOf } from '../drivers/registry.ts';
import { specChanges, type Validator } from './validator.ts';
import { allowed, refuse } from './verdict.ts';

/** Has the driver check its part of the spec, and keeps the identity of a backend that is in use. */
export const storageBackendValidator: Validator<StorageBackend> = {
  type: storageBackends,
  validate(write, state) {
    const { object, oldObject } = write;
    if (!specChanges(write)) return allowed;
    const configured = backendConfigOf(object.spec, state.modules);
    if (!configured.valid) return refuse('InvalidConfiguration', configured.message);
    if (oldObject === undefined) return allowed;
    const users = usersOfBackend(state, object.metadata.name);
    if (users.length === 0) return allowed;
    const { identityFields } = configured.module;
    const { refusedFields } = keepIdentity(configured.config, identityFields, oldObject.status?.identity);
    if (refusedFields.length === 0) return allowed;
    const message = identityRefusal(configMemberOf(object.spec), refusedFields, users);
    return refuse('IdentityFieldsImmutable', `${message}; for another storage system make another StorageBackend`);
  },
};
