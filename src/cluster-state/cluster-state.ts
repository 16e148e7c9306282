import type { Informers } from './informers.ts';
import type { Installation } from './installation.ts';

/** What controllers and admission decide on: read from caches, without a request. */
export interface ClusterState {
  readonly informers: Informers;
  readonly installation: Installation;
  /** Namespace of the operator itself; backend credentials and secrets live there. */
  readonly namespace: string;
  /** Whether a tenant's Secret is used only for destinations that it names. */
  readonly requireCredentialDestinations: boolean;
}
