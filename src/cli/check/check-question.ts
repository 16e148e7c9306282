import { checkSecurityServices } from '../../api/v1alpha1/labels.ts';
import { shareNetworks } from '../../api/v1alpha1/resource-types.ts';
import type { SecurityServiceCheck, SecurityServiceReference, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { ApiError } from '../../runtime/api-error.ts';
import { annotate, annotationOf, removeAnnotation } from '../annotations.ts';
import { explainFailure } from '../api-failure.ts';
import { CommandFailure } from '../command-failure.ts';
import { referenceText } from '../object-reference.ts';
import { rightsOf, whoMay } from '../rights.ts';
import { firstNote, noteText } from '../why/notes.ts';

/** Whether a change would be accepted now. */
export type CheckAnswer =
  /** By the API server or its webhook: the write itself would be refused. */
  | { readonly kind: 'refused'; readonly code: number; readonly message: string }
  /** By the operator, which asked the drivers. */
  | { readonly kind: 'judged'; readonly check: SecurityServiceCheck }
  /** The network can't be judged as it is. */
  | { readonly kind: 'not now'; readonly message: string };

export interface CheckQuestion {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly network: string;
  /** Services that would replace those of their type, or join them. */
  readonly services: readonly SecurityServiceReference[];
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when the user gives up: what was written is taken back. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

const pollMs = 200;

/**
 * Asks whether a change of security services would be accepted. First the API server tries the write; then the operator and its
 * drivers are asked by an annotation, which is taken away again. The spec is never written.
 *
 * @throws CommandFailure, ApiError
 */
export async function askCheck(question: CheckQuestion): Promise<CheckAnswer> {
  const { client, namespace } = question;
  const request = question.services.map(({ type, name }) => `${type}=${name}`).join(',');
  const network = await client.get(shareNetworks, { namespace, name: question.network });
  const reference = referenceText(shareNetworks, question.network);
  const present = annotationOf(network, checkSecurityServices);
  if (present !== undefined && present !== '' && present !== request) {
    const remove = `kubectl annotate ${reference} -n ${namespace} ${checkSecurityServices}-`;
    const right = { verb: 'patch', type: shareNetworks, namespace, name: question.network } as const;
    const how = (await rightsOf(client)(right)) ? `remove it: ${remove}` : `ask ${whoMay(right)} to run ${remove}`;
    throw new CommandFailure(`${reference}: another user is asking about ${present}; wait, or ${how}`);
  }
  const obstacle = obstacleOf(network);
  if (obstacle !== undefined) return { kind: 'not now', message: obstacle };
  const refusal = await refusalOfWrite(client, network, question.services);
  if (refusal !== undefined) return refusal;
  if (present === request) return await answerOf(question, request);
  // An answer that is still there may be to an older question: the operator clears it first.
  await until(question, `${reference}: the answer to an earlier question is still there`, async () => {
    const { status } = await client.get(shareNetworks, { namespace, name: question.network });
    return status?.check === undefined;
  });
  try {
    await annotate(client, shareNetworks, network, checkSecurityServices, request);
    return await answerOf(question, request);
  } finally {
    await removeAnnotation(client, shareNetworks, network, checkSecurityServices, request);
  }
}

/** What keeps the operator from answering. */
function obstacleOf(network: ShareNetwork): string | undefined {
  const { metadata, status } = network;
  if (metadata.deletionTimestamp !== undefined) return 'the network is being deleted';
  const note = firstNote(network);
  const silent = ['Paused', 'SubnetInvalid', 'SubnetInUse'].includes(note?.reason ?? '');
  if (silent) return noteText(note);
  if (status?.phase === undefined || status.phase === 'active') return undefined;
  return `ShareNetworkNotActive: the network is in phase ${status.phase}; this may be asked again when it is active`;
}

/** Lets the API server try the write, with all of its admission. */
async function refusalOfWrite(
  client: ApiClient,
  network: ShareNetwork,
  services: readonly SecurityServiceReference[],
): Promise<CheckAnswer | undefined> {
  const present = network.spec.securityServices ?? [];
  const isNew = ({ type }: SecurityServiceReference) => !present.some((entry) => entry.type === type);
  const replaced = present.map((entry) => services.find(({ type }) => type === entry.type) ?? entry);
  const securityServices = [...replaced, ...services.filter(isNew)];
  const { namespace = '', name, uid } = network.metadata;
  try {
    const patch = { metadata: { uid }, spec: { securityServices } };
    await client.mergePatch(shareNetworks, { namespace, name }, patch, { dryRun: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 403, 409, 422].includes(error.status)) throw error;
    // Without the right to write there is no answer about the change.
    const message = explainFailure(error);
    if (/cannot \w+ resource/.test(message)) throw error;
    return { kind: 'refused', code: error.status, message };
  }
}

async function answerOf(question: CheckQuestion, request: string): Promise<CheckAnswer> {
  const { client, namespace } = question;
  const reference = referenceText(shareNetworks, question.network);
  return await until(
    question,
    `${reference}: no answer in time; is the operator running, and does it watch the namespace?`,
    async (): Promise<CheckAnswer | undefined> => {
      const network = await client.get(shareNetworks, { namespace, name: question.network });
      const check = network.status?.check;
      if (check?.request === request) return { kind: 'judged', check };
      const obstacle = obstacleOf(network);
      return obstacle === undefined ? undefined : { kind: 'not now', message: obstacle };
    },
  );
}

async function until<T>(
  { timeoutMs, now, pause, signal }: CheckQuestion,
  failure: string,
  look: () => Promise<T | false | undefined>,
): Promise<T> {
  const deadline = now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (signal.aborted) throw new CommandFailure('interrupted; nothing was changed');
    if (now() >= deadline) throw new CommandFailure(failure);
    await pause(pollMs);
  }
}
