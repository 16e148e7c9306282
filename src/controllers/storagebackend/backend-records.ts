import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import type { Informer } from '../../runtime/informer.ts';
import type { ObjectName } from '../../runtime/kube-object.ts';
import type { Logger } from '../../runtime/logger.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { type ObjectRecords, recordsInObject } from '../reconcile/pass.ts';
import { latestOf, type StatusDraft } from '../status/status-draft.ts';
import { OwnBackendView } from './own-view.ts';

/** The status of a backend while it is being worked out. */
export type BackendDraft = StatusDraft<StorageBackend>;

/** Where the operator records that it manages a backend, and the backend's status. */
export interface BackendRecords extends ObjectRecords<StorageBackend> {
  /** The backends as every part of the operator sees them. */
  readonly informer: Informer<StorageBackend>;
  /** Whether the deletion of a backend in use is blocked; its recorded identity is protected likewise. */
  readonly guards: boolean;
  /** Gives up responsibility: the backend is being deleted and not in use. */
  release(backend: StorageBackend): Promise<unknown>;
  /** The backend is gone. */
  forget(name: ObjectName): void;
}

/** Finalizer and status of the backends themselves. */
export function recordsInBackends(client: ApiClient, informer: Informer<StorageBackend>): BackendRecords {
  return {
    ...recordsInObject(client, informer),
    informer,
    guards: true,
    release: (backend) => removeFinalizer(client, informer, backend),
    forget: () => undefined,
  };
}

const unguarded = {
  guards: false,
  holds: () => true,
  take: async () => undefined,
  release: async () => undefined,
} as const;

/** The status of the backends; nothing blocks the deletion of a backend in use. */
export function recordsInStatus(client: ApiClient, informer: Informer<StorageBackend>): BackendRecords {
  return { ...unguarded, informer, store: (draft) => draft.write(client, informer), forget: () => undefined };
}

/**
 * The memory of this process: where several operators for some namespaces each use a backend, only one writes its status. Each
 * process probes its backends after it starts; nothing blocks the deletion of a backend in use.
 */
export function recordsInMemory(stored: Informer<StorageBackend>, logger: Logger): BackendRecords {
  const view = new OwnBackendView(stored, logger);
  return {
    ...unguarded,
    informer: view,
    store: async (draft) => {
      // Also what is stored already: another operator may write something else later.
      if (!draft.changed) {
        view.hold(draft.object, draft.status);
        return draft.object;
      }
      const before = findCondition(draft.object.status?.conditions, 'Ready');
      const now = draft.condition('Ready');
      view.keep(draft.object, draft.status);
      if (now !== undefined && (now.reason !== before?.reason || now.message !== before.message)) {
        // It can't be read in the backend.
        const { name } = draft.object.metadata;
        logger.info({ backend: name, ready: now.status, reason: now.reason, message: now.message }, 'backend seen');
      }
      return latestOf(view, draft.object);
    },
    forget: (name) => view.forget(name),
  };
}
