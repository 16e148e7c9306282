import { shareServers } from '../api/v1alpha1/resource-types.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { ApiError } from '../runtime/api-error.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import type { Verdict } from './verdict.ts';

/** Annotation of a ShareServer that is only tried to be made, to see whether the webhook is asked; its value is the probe's. */
export const probeAnnotation = 'sharenet.io/admission-probe';

const probeReason = 'AdmissionProbe';

/** The webhook's answer to a probe; undefined for every other object. */
export function probeVerdict(object: KubeObject): Verdict | undefined {
  const nonce = object.metadata.annotations?.[probeAnnotation];
  if (nonce === undefined) return undefined;
  return { allowed: false, code: 403, reason: probeReason, message: `this is only a probe: ${nonce.slice(0, 64)}` };
}

/**
 * Tries whether the API server asks the webhook (one of its replicas) and trusts its certificate: nothing is stored.
 * @param nonce tells the answer from one to another process
 * @returns undefined when it does, else what came instead
 */
export async function probeAdmission(client: ApiClient, namespace: string, nonce: string): Promise<string | undefined> {
  const name = 'admission-probe';
  const server: ShareServer = {
    metadata: { namespace, name, annotations: { [probeAnnotation]: nonce } },
    spec: { backendName: name, shareNetworkName: name, subnetName: name },
  };
  try {
    await client.create(shareServers, server, { dryRun: true });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 403 && error.reason === probeReason && error.message.includes(nonce)) return undefined;
    return error.message;
  }
  return 'it allowed what the webhook refuses; it may need a moment, else see the Service, network policies and caBundle';
}
