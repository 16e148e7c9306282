import { z } from 'zod';
import type { KubeObject } from '../runtime/kube-object.ts';
import type { Verdict } from './verdict.ts';

const apiVersion = 'admission.k8s.io/v1';

const texts = z.record(z.string(), z.string());
const metadata = z.looseObject({
  name: z.string().optional(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.number().optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().optional(),
  labels: texts.optional(),
  annotations: texts.optional(),
  finalizers: z.array(z.string()).optional(),
});
/** Metadata of Kubernetes; what else is in it is judged by {@link shapeProblem}. */
const object = z.custom<KubeObject>(isObject, 'must be an object with metadata');
const about = {
  uid: z.string().min(1),
  resource: z.object({ group: z.string(), version: z.string(), resource: z.string() }),
  subResource: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string().optional(),
  userInfo: z.object({ username: z.string().optional() }).optional(),
  dryRun: z.boolean().optional(),
};
const review = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('AdmissionReview'),
  request: z.discriminatedUnion('operation', [
    z.object({ ...about, operation: z.literal('CREATE'), object }),
    z.object({ ...about, operation: z.literal('UPDATE'), object, oldObject: object }),
    // Where a whole collection is deleted, the request has no name: the object has.
    z.object({ ...about, operation: z.literal('DELETE'), oldObject: object.nullish() }),
    z.object({ ...about, operation: z.literal('CONNECT') }),
  ]),
});

/** What the API server asks; only the parts that are used. */
export type AdmissionRequest = z.infer<typeof review>['request'];

/** The answer: the verdict, and notes for the audit log by name. */
export interface AdmissionAnswer {
  readonly verdict: Verdict;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

/** What was sent is no AdmissionReview; the message is one line without anything of what was sent. */
export class AdmissionReviewError extends Error {
  override readonly name = 'AdmissionReviewError';
}

/**
 * Reads the body of a request.
 * @throws AdmissionReviewError
 */
export function parseAdmissionReview(body: string): AdmissionRequest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new AdmissionReviewError('the body is not JSON');
  }
  const result = review.safeParse(parsed);
  if (result.success) return result.data.request;
  const issue = result.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.');
  throw new AdmissionReviewError(`not an AdmissionReview of ${apiVersion}: ${where}: ${issue?.message ?? 'not valid'}`);
}

/** The body of the answer. */
export function admissionReviewOf(uid: string, { verdict, auditAnnotations }: AdmissionAnswer): string {
  const { allowed } = verdict;
  const response = allowed
    ? { uid, allowed, warnings: verdict.warnings, auditAnnotations }
    : {
        uid,
        allowed,
        status: { code: verdict.code, reason: verdict.reason, message: verdict.message },
        auditAnnotations,
      };
  return JSON.stringify({ apiVersion, kind: 'AdmissionReview', response });
}

function isObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('metadata' in value)) return false;
  return metadata.safeParse(value.metadata).success;
}
