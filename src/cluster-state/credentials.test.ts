import { describe, expect, it } from 'vitest';
import { createOperatorRig } from '../../test/faults/operator-rig.ts';
import * as labels from '../api/v1alpha1/labels.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import { secretData } from '../runtime/core-types.ts';
import { findPassword } from './credentials.ts';

function service(reference: SecurityService['spec']['passwordSecretRef']): SecurityService {
  return {
    metadata: { name: 'ad', namespace: 'tenant' },
    spec: { type: 'active_directory', ...(reference === undefined ? {} : { passwordSecretRef: reference }) },
  };
}

function secret(options: {
  marked?: string;
  more?: Record<string, string>;
  annotations?: Record<string, string>;
  data?: Record<string, string>;
}) {
  const { marked = 'true', more = {}, annotations = {}, data = { password: 'hunter2', other: 'hunter3' } } = options;
  return {
    metadata: {
      name: 'pw',
      namespace: 'tenant',
      uid: 'uid-pw',
      resourceVersion: '1',
      labels: { [labels.credentialsLabel]: marked, ...more },
      annotations,
    },
    data: secretData(data),
  };
}

describe('findPassword', () => {
  it.each([
    ['a marked Secret', {}, { name: 'pw' }, 'usable', 'hunter2'],
    ['another key of it', {}, { name: 'pw', key: 'other' }, 'usable', 'hunter3'],
    ['no reference', {}, undefined, 'none', undefined],
    ['no such Secret', {}, { name: 'gone' }, 'missing', undefined],
    ['no such key', {}, { name: 'pw', key: 'gone' }, 'no_key', undefined],
    ['a key that every JavaScript object has', {}, { name: 'pw', key: 'constructor' }, 'no_key', undefined],
    ['an empty password', { data: { password: '' } }, { name: 'pw' }, 'empty', undefined],
    ['the line feed of a file', { data: { password: 'hunter2\n' } }, { name: 'pw' }, 'line_break_at_end', undefined],
    [
      'a Secret that holds an access key',
      { more: { [labels.accessKeyLabel]: 'true' } },
      { name: 'pw' },
      'missing',
      undefined,
    ],
    ['a Secret that is not marked', { marked: 'false' }, { name: 'pw' }, 'missing', undefined],
    [
      'one bound to the service',
      { annotations: { [labels.credentialsFor]: 'x, ad' } },
      { name: 'pw' },
      'usable',
      'hunter2',
    ],
    [
      'one bound to others',
      { annotations: { [labels.credentialsFor]: 'ad2' } },
      { name: 'pw' },
      'not_bound',
      undefined,
    ],
    ['one bound to nobody', { annotations: { [labels.credentialsFor]: '' } }, { name: 'pw' }, 'not_bound', undefined],
  ] as const)('%s', async (_what, options, reference, state, password) => {
    await using rig = await createOperatorRig();
    rig.operator.informers.credentials.cache.observe(secret(options));
    expect(findPassword(rig.operator, service(reference))).toMatchObject(
      password === undefined ? { state } : { state, password },
    );
  });

  it('gives a version that changes with the password only', async () => {
    await using rig = await createOperatorRig();
    const versionOf = (present: ReturnType<typeof secret>): string => {
      rig.operator.informers.credentials.cache.observe(present);
      const found = findPassword(rig.operator, service({ name: 'pw' }));
      return found.state === 'usable' ? found.version : found.state;
    };
    const first = secret({});
    const edited = { ...first, metadata: { ...first.metadata, resourceVersion: '2', annotations: { note: 'x' } } };
    const changed = {
      ...edited,
      metadata: { ...edited.metadata, resourceVersion: '3' },
      data: secretData({ password: 'new' }),
    };
    const versions = [first, edited, changed].map(versionOf);
    expect(versions[1]).toBe(versions[0]);
    expect(versions[2]).not.toBe(versions[0]);
    expect(versions.join()).not.toContain('hunter2');
  });

  it('gives no version to what is not UTF-8: two such passwords must not look like one', async () => {
    await using rig = await createOperatorRig();
    for (const word of ['p\xe4ss', 'p\xf6ss']) {
      const data = { password: Buffer.from(word, 'latin1').toString('base64') };
      rig.operator.informers.credentials.cache.observe({ ...secret({}), data });
      expect(findPassword(rig.operator, service({ name: 'pw' }))).toEqual({ state: 'not_utf8' });
    }
    const { installation } = rig.operator;
    expect(installation.digest(Buffer.from([0xe4]))).not.toBe(installation.digest(Buffer.from([0xf6])));
    expect(installation.digest(Buffer.from('ä'))).toBe(installation.digest('ä'));
  });

  it('tells a Secret without data from one without the key', async () => {
    await using rig = await createOperatorRig();
    const { data: _, ...bare } = secret({});
    rig.operator.informers.credentials.cache.observe(bare);
    expect(findPassword(rig.operator, service({ name: 'pw' }))).toEqual({ state: 'no_data' });
  });
});
