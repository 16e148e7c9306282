import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { findPassword } from '../../cluster-state/credentials.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { sameContent } from '../../network-change/change-plan.ts';
import type { ServiceComparison } from '../../network-change/up-to-date.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { draftOf, type StatusDraft } from '../status/status-draft.ts';

export type NetworkDraft = StatusDraft<ShareNetwork>;

/** What one pass over a ShareNetwork works with. */
export interface NetworkScope {
  readonly operator: Operator;
  readonly context: ReconcileContext;
  readonly network: ShareNetwork;
  readonly namespace: string;
  readonly draft: NetworkDraft;
  /** Share servers of the network, from the cache. */
  readonly servers: readonly ShareServer[];
  /** Events that tell what the draft says; sent when it is stored. */
  readonly announcements: NetworkEvent[];
}

/** An event about the network. */
export interface NetworkEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: Reason;
  readonly action: string;
  readonly note: string;
}

/** Stores the draft, then tells what it says. */
export async function store({ operator, draft, announcements }: NetworkScope): Promise<ShareNetwork> {
  const written = await draft.write(operator.client, operator.informers.shareNetworks);
  for (const event of announcements.splice(0)) operator.recorder.event(written, event);
  return written;
}

/** Begins a pass. */
export function networkScope(operator: Operator, context: ReconcileContext, network: ShareNetwork): NetworkScope {
  const namespace = network.metadata.namespace ?? '';
  return {
    operator,
    context,
    network,
    namespace,
    draft: draftOf(operator, network),
    servers: namespaceView(operator, namespace).serversOf(network.metadata.name),
    announcements: [],
  };
}

/** Compares what servers were given with the services of a namespace as they are now. */
export function comparisonWith(operator: Operator, namespace: string): ServiceComparison {
  const { service } = namespaceView(operator, namespace);
  return {
    saysTheSame: (applied, recorded) => {
      const present = service(recorded.name);
      return (
        present !== undefined &&
        applied.name === recorded.name &&
        uidOf(present) === recorded.uid &&
        sameContent(applied, present.spec)
      );
    },
    credentialsDiffer: (applied) => {
      const present = service(applied.name);
      if (present === undefined || !(uidOf(present) === applied.uid || sameContent(applied, present.spec)))
        return false;
      const password = findPassword(operator, present);
      // A password that is gone is told by the service itself.
      return password.state === 'usable' && operator.installation.differs(applied.credentialsVersion, password.version);
    },
  };
}
