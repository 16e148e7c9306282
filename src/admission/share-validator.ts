import { shares } from '../api/v1alpha1/resource-types.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import { namespaceView } from '../cluster-state/namespace-view.ts';
import { lastingRefusal } from '../scheduling/placement.ts';
import { sizeProblem } from '../scheduling/share-size.ts';
import type { Validator } from './validator.ts';
import { allowed, refuse } from './verdict.ts';

/** Refuses new shares that no backend will ever take, and sizes below the minimum. */
export const shareValidator: Validator<Share> = {
  type: shares,
  validate({ operation, object, oldObject }, state) {
    if (operation !== 'CREATE') {
      const { size } = object.spec;
      // A share that was made with less stays as it is, whatever else of it changes.
      const tooSmall = size === oldObject?.spec.size ? undefined : sizeProblem(size);
      return tooSmall === undefined ? allowed : refuse('InvalidSize', tooSmall);
    }
    const { namespace = '' } = object.metadata;
    const { shareNetworkName } = object.spec;
    const labels = state.informers.namespaces.cache.get({ name: namespace })?.metadata.labels;
    // A namespace that is not known yet may be allowed everywhere.
    if (labels === undefined) return allowed;
    const refusal = lastingRefusal({
      share: object,
      network: shareNetworkName === undefined ? undefined : namespaceView(state, namespace).network(shareNetworkName),
      namespace,
      namespaceLabels: labels,
      backends: state.informers.storageBackends.cache.list(),
    });
    if (refusal === undefined) return allowed;
    return refuse(refusal.reason, refusal.message);
  },
};
