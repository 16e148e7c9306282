import { describe, expect, it, test } from 'vitest';
import { createOperatorRig } from '../../test/faults/operator-rig.ts';
import { shareNetworks, shares } from '../api/v1alpha1/resource-types.ts';
import { probeAnnotation } from './admission-probe.ts';
import { type AdmissionRequest, parseAdmissionReview } from './admission-review.ts';
import type { Validator } from './validator.ts';
import { reviewWrite } from './write-review.ts';

const operatorUser = 'system:serviceaccount:sharenet-system:sharenet-operator';

function request(changes: object): AdmissionRequest {
  const resource = { group: 'sharenet.io', version: 'v1alpha1', resource: 'sharenetworks' };
  return parseAdmissionReview(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: '1',
        resource,
        operation: 'CREATE',
        namespace: 'team',
        name: 'net',
        userInfo: { username: 'alice' },
        object: { metadata: { name: 'net' }, spec: {} },
        oldObject: null,
        ...changes,
      },
    }),
  );
}

async function answer(
  changes: object,
  options: { readonly validators?: readonly Validator[]; readonly watchNamespaces?: readonly string[] } = {},
) {
  await using rig = await createOperatorRig();
  const state = { ...rig.operator, modules: new Map() };
  return reviewWrite(request(changes), { validators: [], state, operatorUser: () => operatorUser, ...options });
}

const refusing: Validator = {
  type: shareNetworks,
  validate: ({ object }) => ({
    allowed: false,
    code: 409,
    reason: 'ShareBusy',
    message: `${object.metadata.name} is busy`,
  }),
};
const warning = (text: string): Validator => ({
  type: shareNetworks,
  validate: () => ({ allowed: true, warnings: [text] }),
});

describe('a write', () => {
  it('is judged by the validators of its kind: the first refusal, else all warnings', async () => {
    expect(await answer({}, { validators: [warning('a'), refusing] })).toEqual({
      verdict: { allowed: false, code: 409, reason: 'ShareBusy', message: 'net is busy' },
    });
    expect(await answer({}, { validators: [warning('a'), warning('b'), { ...refusing, type: shares }] })).toEqual({
      verdict: { allowed: true, warnings: ['a', 'b'] },
    });
    expect(await answer({})).toEqual({ verdict: { allowed: true } });
  });

  it('is given to a validator with the object as it was', async () => {
    const metadata = { name: 'net' };
    const objects = { object: { metadata, spec: { a: 1 } }, oldObject: { metadata, spec: { a: 0 } } };
    let seen: unknown;
    const validator: Validator = {
      type: shareNetworks,
      validate: (write) => {
        seen = write;
        return { allowed: true };
      },
    };
    await answer({ operation: 'UPDATE', ...objects }, { validators: [validator] });
    expect(seen).toEqual({ operation: 'UPDATE', dryRun: false, ...objects });
    await answer({ dryRun: true }, { validators: [validator] });
    expect(seen).toEqual({ operation: 'CREATE', dryRun: true, object: { metadata: { name: 'net' }, spec: {} } });
  });

  test.each([
    ['in a namespace that is not watched', {}, ['other'], true],
    ['in one that is', {}, ['team'], false],
    ['of a kind without namespace', { namespace: '' }, ['other'], false],
    ['of another API group', { resource: { group: 'x', version: 'v1', resource: 'sharenetworks' } }, undefined, true],
    ['that is a deletion', { operation: 'DELETE', object: null }, undefined, true],
  ])('%s', async (_what, changes, watchNamespaces, isAllowed) => {
    const options = { validators: [refusing], ...(watchNamespaces && { watchNamespaces }) };
    expect((await answer(changes, options)).verdict.allowed).toBe(isAllowed);
  });

  it('of a share server that is a probe is refused with its nonce, also where nothing is watched', async () => {
    const probe = { metadata: { name: 'x', annotations: { [probeAnnotation]: `nonce${'x'.repeat(100)}` } }, spec: {} };
    const resource = { group: 'sharenet.io', version: 'v1alpha1', resource: 'shareservers' };
    const { verdict } = await answer({ resource, object: probe }, { watchNamespaces: ['other'] });
    expect(verdict).toMatchObject({ allowed: false, code: 403, reason: 'AdmissionProbe' });
    expect(verdict).toMatchObject({ message: expect.stringMatching(/^this is only a probe: noncex{59}$/) });
    expect(await answer({ object: probe })).toEqual({ verdict: { allowed: true } });
    const server = {
      ...probe,
      metadata: { name: 'x' },
      spec: { backendName: 'b', shareNetworkName: 'n', subnetName: 's' },
    };
    expect(await answer({ resource, object: server })).toEqual({ verdict: { allowed: true } });
  });
});

describe('a write of a status', () => {
  const status = { operation: 'UPDATE', subResource: 'status' };
  const phases = (from: unknown, to: unknown) => ({
    ...status,
    oldObject: { metadata: {}, status: { phase: from } },
    object: { metadata: {}, status: { phase: to } },
  });

  test.each<[string, object, string | undefined]>([
    ['a reset', phases('network_change', 'active'), 'ShareNetwork team/net: network_change -> active by alice'],
    ['the first phase', phases(undefined, 'active'), 'ShareNetwork team/net: none -> active by alice'],
    ['the same phase', phases('active', 'active'), undefined],
    ['by the operator', { ...phases('a', 'b'), userInfo: { username: operatorUser } }, undefined],
    ['by an unknown user', { ...phases('a', 'b'), userInfo: {} }, 'ShareNetwork team/net: a -> b by an unknown user'],
    [
      'by a hostile name',
      { ...phases('a', 'b'), userInfo: { username: 'eve\n\u202ebob\u0000' } },
      'ShareNetwork team/net: a -> b by eve bob',
    ],
    ['another subresource', { ...phases('a', 'b'), subResource: 'scale' }, undefined],
  ])('%s: %j', async (_what, changes, note) => {
    // Not even a validator that refuses everything is asked.
    const { verdict, auditAnnotations } = await answer(changes, { validators: [refusing] });
    expect(verdict).toEqual({ allowed: true });
    expect(auditAnnotations?.['status-reset']).toBe(note);
  });
});
