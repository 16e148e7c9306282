import { isReady } from '../api/v1alpha1/conditions.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';

/** Whether a backend takes changes: it answers its probes and is not switched off. */
export function takesChanges(backend: StorageBackend | undefined): backend is StorageBackend {
  return backend !== undefined && backend.spec.enabled !== false && isReady(backend);
}
