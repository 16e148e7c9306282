import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { usersOfBackend } from '../../cluster-state/backend-users.ts';
import { unhandledReconcileToken } from '../../cluster-state/requests.ts';
import type { Pass } from '../reconcile/pass.ts';
import type { ConfiguredDriver, ProbeResult } from './backend-drivers.ts';
import type { BackendOperator } from './backend-operator.ts';

/** What one pass over a StorageBackend works with. */
export interface BackendScope extends Pass<StorageBackend, BackendOperator> {
  readonly backend: StorageBackend;
  readonly name: string;
  /** An unhandled request to reconcile. */
  readonly token: string | undefined;
  /** Objects that are on the backend; the API server is asked before this is taken for empty. */
  users: readonly string[];
  /** The driver that spec and credentials describe; set by `configure`. */
  driver?: ConfiguredDriver;
  /** What the storage system answered; set by `probe`. */
  probe?: ProbeResult;
  /** When the next probe is due; set by `probe`, in force once the status is stored. */
  nextProbeInMs?: number;
}

export function backendScope(pass: Pass<StorageBackend, BackendOperator>): BackendScope {
  const backend = pass.draft.object;
  const { name } = backend.metadata;
  return {
    ...pass,
    backend,
    name,
    token: unhandledReconcileToken(backend),
    users: usersOfBackend(pass.operator, name),
  };
}
