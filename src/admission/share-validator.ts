import { shares } from '../api/v1alpha1/resource-types.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import { related } from '../cluster-state/related.ts';
import { lastingRefusal } from '../scheduling/placement.ts';
import { refusedWith } from './refusal.ts';
import { allowed, type Validator } from './verdict.ts';

/** Refuses new shares that no backend will ever take. Of a share that is there only the size can change. */
export const shareValidator: Validator<Share> = {
  type: shares,
  validate({ operation, object }, state) {
    if (operation !== 'CREATE') return allowed;
    const { namespace = '' } = object.metadata;
    const { shareNetworkName } = object.spec;
    const labels = state.informers.namespaces.cache.get({ name: namespace })?.metadata.labels;
    // A namespace that is not known yet may be allowed everywhere.
    if (labels === undefined) return allowed;
    const refusal = lastingRefusal({
      share: object,
      network: shareNetworkName === undefined ? undefined : related(state, namespace).network(shareNetworkName),
      namespace,
      namespaceLabels: labels,
      backends: state.informers.storageBackends.cache.list(),
    });
    if (refusal === undefined) return allowed;
    return refusedWith(refusal.reason, refusal.message);
  },
};
