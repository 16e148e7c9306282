import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdmissionRig, activeServer, namespace, probedBackend, recordsAD } from '../../test/faults/admission-rig.ts';
import {
  type AdmissionRequest,
  AdmissionReviewError,
  admissionReviewOf,
  parseAdmissionReview,
} from './admission-review.ts';
import { shapeProblem, shapeRefusal } from './object-shape.ts';
import shapes from './object-shapes.json' with { type: 'json' };
import { validators } from './validators.ts';
import { reviewWrite } from './write-review.ts';

/** `TEST_SEED` repeats a run, which fast-check names with its path where it fails; `TEST_RUNS` makes it longer. */
const { TEST_SEED, TEST_RUNS } = process.env;
const parameters: fc.Parameters<unknown> = {
  numRuns: Number(TEST_RUNS ?? 300),
  ...(TEST_SEED !== undefined && { seed: Number(TEST_SEED) }),
};

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
}

/** Texts that mean something to some validator, and others. */
const text = fc.oneof(
  fc.constantFrom('', 'net', 'ad', 'backend', 'default', 'other', 'share', 'active_directory', 'ldap', 'flat', 'vlan'),
  fc.constantFrom('10.0.0.0/24', '10.0.0.1', '10.0.0.9-10.0.0.1', '2001:db8::/64', '::', '1.2.3.4/99', '0/0', '-', '/'),
  fc.constantFrom(
    '10Gi',
    '-1',
    '1e999',
    '60s',
    'dummy',
    'cephfs',
    'NFS',
    'CEPHFS',
    'ip',
    'user',
    'cephx',
    'rw',
    '__proto__',
  ),
  fc.string(),
);
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 2 ** 53, 1e308));
const anything = fc.anything({ maxDepth: 3, withNullPrototype: false });

/** Values for a schema; `fault` is how often something else stands there. */
function generated(schema: Schema, fault: number): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(anything, fc.constant(null), fc.array(fc.constant([]), { maxLength: 3 }), number, text);
  const types = [schema.type ?? 'object'].flat();
  const right = fc.oneof(...types.map((type) => ofType(type, schema, fault)));
  return fault === 0
    ? right
    : fc.oneof({ weight: Math.round(1 / fault), arbitrary: right }, { weight: 1, arbitrary: wrong });
}

function ofType(type: string, schema: Schema, fault: number): fc.Arbitrary<unknown> {
  switch (type) {
    case 'string':
      return text;
    case 'integer':
    case 'number':
      return fc.integer();
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(generated(schema.items ?? {}, fault), { maxLength: 4 });
    default: {
      if (schema.properties === undefined)
        return fc.dictionary(text, generated(schema.additionalProperties ?? { type: 'string' }, fault), { maxKeys: 3 });
      const fields = Object.fromEntries(
        Object.entries(schema.properties).map(([name, value]) => [name, generated(value, fault)]),
      );
      return fc.record(fields, { requiredKeys: fault === 0 ? [...(schema.required ?? [])] : [] });
    }
  }
}

function objectOf(resource: keyof typeof shapes, fault: number): fc.Arbitrary<object> {
  const texts = fc.dictionary(fc.oneof(text, fc.constant('sharenet.io/reapply-requested-at')), text, { maxKeys: 3 });
  const metadata = fc.record(
    { name: text, namespace: fc.constant(namespace), labels: texts, annotations: texts, generation: fc.integer() },
    { requiredKeys: ['name'] },
  );
  const { properties } = shapes[resource] as Schema;
  return fc.record(
    { metadata, spec: generated(properties?.spec ?? {}, fault), status: generated(properties?.status ?? {}, fault) },
    { requiredKeys: fault === 0 ? ['metadata', 'spec'] : ['metadata'] },
  );
}

describe.each(Object.keys(shapes) as (keyof typeof shapes)[])('reviews of %s', (resource) => {
  let rig: AdmissionRig;

  beforeAll(async () => {
    rig = await AdmissionRig.make();
    rig.show('storageBackends', probedBackend('backend'));
    rig.show('shareServers', activeServer('server'));
    rig.show('shareNetworks', { metadata: { name: 'net', namespace }, spec: {}, status: recordsAD });
    rig.show('securityServices', { metadata: { name: 'ad', namespace }, spec: { type: 'active_directory' } });
    const share = { protocol: 'NFS', size: '1Gi', shareNetworkName: 'net' } as const;
    rig.show('shares', { metadata: { name: 'share', namespace }, spec: share, status: { backendName: 'backend' } });
  });

  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
  });

  /** As the webhook does it; undefined where the review itself is refused. */
  function answerTo(review: unknown): ReturnType<typeof reviewWrite> | undefined {
    let request: AdmissionRequest;
    try {
      request = parseAdmissionReview(JSON.stringify(review));
    } catch (error) {
      expect(error).toBeInstanceOf(AdmissionReviewError);
      return undefined;
    }
    const refused = shapeRefusal(request);
    const options = { validators, state: rig.state, operatorUser: () => '' };
    const answer = refused === undefined ? reviewWrite(request, options) : { verdict: refused };
    expect(JSON.parse(admissionReviewOf(request.uid, answer))).toMatchObject({ response: { uid: request.uid } });
    return answer;
  }

  const review = (operation: string, object: unknown, oldObject: unknown, subResource?: string) => ({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      ...{ uid: 'u', operation, namespace, name: 'net', object, oldObject },
      ...{ resource: { group: 'sharenet.io', version: 'v1alpha1', resource }, ...(subResource && { subResource }) },
    },
  });
  const operations = fc.constantFrom('CREATE', 'UPDATE', 'UPDATE', 'DELETE', 'CONNECT');

  it.each([
    ['of the right shape', 0],
    ['with a fault here and there', 0.1],
    ['full of faults', 0.5],
  ])('%s are answered', (_what, fault) => {
    const subResource = fc.constantFrom(undefined, undefined, undefined, 'status');
    fc.assert(
      fc.property(
        operations,
        objectOf(resource, fault),
        objectOf(resource, fault),
        subResource,
        (operation, one, other, sub) => {
          const answer = answerTo(review(operation, one, other, sub));
          if (fault === 0) expect(answer).toBeDefined();
        },
      ),
      parameters,
    );
  });

  it('that are anything are answered or refused', () => {
    fc.assert(
      fc.property(operations, anything, anything, (operation, one, other) => {
        answerTo(review(operation, one, other));
        answerTo(one);
      }),
      parameters,
    );
  });

  it('without a spec, or with one of another type, are answered', () => {
    const metadata = { name: 'x', namespace };
    for (const spec of [undefined, null, [], 'text', 1, [[]]]) {
      const answer = answerTo(review('CREATE', { metadata, spec }, null));
      expect(answer?.verdict, JSON.stringify(spec)).toMatchObject({ allowed: false, code: 422, reason: 'Invalid' });
    }
  });

  it('name nothing of what was sent where they are refused for their shape', () => {
    const problem = shapeProblem(resource, {
      spec: { 'se cret': 1, driver: { secret: 1 }, subnets: 'secret', type: ['secret'] },
    });
    expect(problem).toBeDefined();
    expect(problem).not.toContain('cret');
  });
});
