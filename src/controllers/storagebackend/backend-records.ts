import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import type { Informer } from '../../runtime/informer.ts';
import type { ObjectName } from '../../runtime/kube-object.ts';
import type { Logger } from '../../runtime/logger.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../lifecycle/finalizers.ts';
import type { StatusDraft } from '../status/status-draft.ts';
import { OwnBackendView } from './own-view.ts';

/** The status of a backend while it is being worked out. */
export type BackendDraft = StatusDraft<StorageBackend>;

/** Where it is kept what the operator knows of backends and that it is responsible for them. */
export interface BackendRecords {
  /** The backends as every part of the operator is to see them. */
  readonly informer: Informer<StorageBackend>;
  /** Whether a backend is held back while something is on it; identities are recorded for that, too. */
  readonly guards: boolean;
  /** Whether the operator has taken responsibility for the backend. */
  holds(backend: StorageBackend): boolean;
  /** Takes it, before the first outside effect; an event of the backend follows. */
  take(backend: StorageBackend): Promise<void>;
  /** Keeps the status if it differs from what was kept. @throws ApiError with a conflict when the object was changed meanwhile */
  store(draft: BackendDraft): Promise<void>;
  /** Gives responsibility back: the backend is being deleted and nothing is on it. */
  release(backend: StorageBackend): Promise<void>;
  /** The backend is gone. */
  forget(name: ObjectName): void;
}

/** Kept in the backends themselves: finalizer and status. */
export function recordsInBackends(client: ApiClient, informer: Informer<StorageBackend>): BackendRecords {
  return {
    informer,
    guards: true,
    holds: hasFinalizer,
    take: async (backend) => void (await addFinalizer(client, informer, backend)),
    store: async (draft) => void (await draft.write(client, informer)),
    release: async (backend) => void (await removeFinalizer(client, informer, backend)),
    forget: () => undefined,
  };
}

/** The status is kept in the backends; nothing holds back the deletion of one in use. */
export function recordsInStatus(client: ApiClient, informer: Informer<StorageBackend>): BackendRecords {
  return {
    informer,
    guards: false,
    holds: () => true,
    take: async () => undefined,
    store: async (draft) => void (await draft.write(client, informer)),
    release: async () => undefined,
    forget: () => undefined,
  };
}

/**
 * Kept in this process: where several operators for some namespaces each use a backend, one writes its status. Each process asks its
 * backends after its start; nothing holds back the deletion of a backend in use.
 */
export function recordsInMemory(stored: Informer<StorageBackend>, logger: Logger): BackendRecords {
  const view = new OwnBackendView(stored, logger);
  return {
    informer: view,
    guards: false,
    holds: () => true,
    take: async () => undefined,
    store: async (draft) => {
      // Also what is stored already: others may write something else later.
      if (!draft.changed) return view.hold(draft.object, draft.status);
      const before = findCondition(draft.object.status?.conditions, 'Ready');
      const now = draft.condition('Ready');
      view.keep(draft.object, draft.status);
      if (now === undefined || (now.reason === before?.reason && now.message === before.message)) return;
      // Nobody can read it in the backend.
      const { name } = draft.object.metadata;
      logger.info({ backend: name, ready: now.status, reason: now.reason, message: now.message }, 'backend seen');
    },
    release: async () => undefined,
    forget: (name) => view.forget(name),
  };
}
