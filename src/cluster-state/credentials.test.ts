import { describe, expect, it } from 'vitest';
import { certificate } from '../../test/api/certificate.ts';
import { createOperatorRig } from '../../test/faults/operator-rig.ts';
import * as labels from '../api/v1alpha1/labels.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import { secretData } from '../runtime/core-types.ts';
import { findPassword } from './credentials.ts';
import { slimSecret } from './slim-object.ts';

function service(reference: SecurityService['spec']['passwordSecretRef']): SecurityService {
  return {
    metadata: { name: 'ad', namespace: 'tenant' },
    spec: {
      type: 'active_directory',
      domain: 'corp.example.com',
      dnsIPs: ['10.0.0.53'],
      ...(reference === undefined ? {} : { passwordSecretRef: reference }),
    },
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

const large = { password: 'hunter2', bundle: 'x'.repeat(50_000) };

describe('findPassword', () => {
  it.each([
    ['a marked Secret', {}, { name: 'pw' }, 'usable', 'hunter2'],
    ['another key of it', {}, { name: 'pw', key: 'other' }, 'usable', 'hunter3'],
    ['no reference', {}, undefined, 'none', undefined],
    ['no such Secret', {}, { name: 'gone' }, 'missing', undefined],
    ['no such key', {}, { name: 'pw', key: 'gone' }, 'no_key', undefined],
    ['a key that every JavaScript object has', {}, { name: 'pw', key: 'constructor' }, 'no_key', undefined],
    ['a password beside a large value', { data: large }, { name: 'pw' }, 'usable', 'hunter2'],
    ['a large value', { data: large }, { name: 'pw', key: 'bundle' }, 'too_large', undefined],
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
    ['one bound to no one', { annotations: { [labels.credentialsFor]: '' } }, { name: 'pw' }, 'not_bound', undefined],
    [
      'one for the domain of the service',
      { annotations: { [labels.credentialsDestinations]: 'Corp.Example.com' } },
      { name: 'pw' },
      'usable',
      'hunter2',
    ],
    [
      'one for another domain',
      { annotations: { [labels.credentialsDestinations]: 'example.com' } },
      { name: 'pw' },
      'not_for_destination',
      undefined,
    ],
    [
      'one for no destination',
      { annotations: { [labels.credentialsDestinations]: '' } },
      { name: 'pw' },
      'not_for_destination',
      undefined,
    ],
    [
      'one for the domain, but bound to another service',
      { annotations: { [labels.credentialsDestinations]: 'corp.example.com', [labels.credentialsFor]: 'ad2' } },
      { name: 'pw' },
      'not_bound',
      undefined,
    ],
  ] as const)('%s', async (_what, options, reference, state, password) => {
    await using rig = await createOperatorRig();
    rig.operator.informers.credentials.cache.observe(secret(options));
    expect(findPassword(rig.operator, service(reference))).toMatchObject(
      password === undefined ? { state } : { state, password },
    );
  });

  it('takes no Secret without destinations where they are required', async () => {
    await using rig = await createOperatorRig();
    const state = { ...rig.operator, requireCredentialDestinations: true };
    state.informers.credentials.cache.observe(secret({}));
    expect(findPassword(state, service({ name: 'pw' }))).toEqual({ state: 'without_destinations' });
    const annotations = { [labels.credentialsDestinations]: 'corp.example.com' };
    const { metadata, ...rest } = secret({ annotations });
    state.informers.credentials.cache.observe({ ...rest, metadata: { ...metadata, resourceVersion: '2' } });
    expect(findPassword(state, service({ name: 'pw' }))).toMatchObject({ state: 'usable' });
  });

  it('judges Secrets as the cache keeps them', async () => {
    await using rig = await createOperatorRig();
    const annotations = { [labels.credentialsDestinations]: 'example.com' };
    rig.operator.informers.credentials.cache.observe(slimSecret(secret({ annotations })));
    expect(findPassword(rig.operator, service({ name: 'pw' })).state).toBe('not_for_destination');
  });

  it.each([
    ['a network', labels.credentialsDestinations, '10.0.0.0/24', 'not_for_destination'],
    ['a name', labels.credentialsFor, 'ad-long', 'not_bound'],
  ])(
    'does not take %s for a larger or another one where the annotation was cut in it',
    async (_what, annotation, entry, state) => {
      await using rig = await createOperatorRig();
      const kept = annotation === labels.credentialsFor ? 'ad' : '10.0.0.0/2';
      const annotations = { [annotation]: `${'x,'.repeat(4096).slice(0, 8192 - kept.length - 1)},${entry}` };
      rig.operator.informers.credentials.cache.observe(slimSecret(secret({ annotations })));
      const passed = { type: 'ldap', servers: ['11.0.0.1'] } as const;
      expect(findPassword(rig.operator, service({ name: 'pw' }), passed).state).toBe(state);
    },
  );

  it('judges what is passed to the driver, not what the service says now', async () => {
    await using rig = await createOperatorRig();
    rig.operator.informers.credentials.cache.observe(
      secret({ annotations: { [labels.credentialsDestinations]: 'corp.example.com' } }),
    );
    const passed = { type: 'active_directory', domain: 'evil.example.com', dnsIPs: ['10.0.0.53'] } as const;
    expect(findPassword(rig.operator, service({ name: 'pw' }), passed)).toEqual({
      state: 'not_for_destination',
      uncovered: ['evil.example.com'],
    });
  });

  it('finds the authorities of an LDAP server in a bundle or a marked Secret, and notices another content', async () => {
    await using rig = await createOperatorRig();
    const { cache } = rig.operator.informers.credentials;
    cache.observe(secret({}));
    const find = (tls: NonNullable<SecurityService['spec']['tls']>) =>
      findPassword(rig.operator, { ...service({ name: 'pw' }), spec: { ...service({ name: 'pw' }).spec, tls } });
    const authorities = (data: Record<string, string>, version: string, more: Record<string, string> = {}) => {
      const { metadata } = secret({ more });
      cache.observe({
        ...{ metadata: { ...metadata, name: 'ca', uid: 'uid-ca', resourceVersion: version } },
        data: secretData(data),
      });
    };
    const tls = { caSecretRef: { name: 'ca' } };
    expect(find({})).not.toHaveProperty('authorities');
    expect(find({ caBundle: certificate })).toMatchObject({ state: 'usable', authorities: certificate });
    expect(find({ caBundle: certificate.replace('MII', 'AII') }).state).toBe('ca_invalid');
    expect(find(tls).state).toBe('ca_missing');
    authorities({ other: certificate }, '2');
    expect(find(tls).state).toBe('ca_no_key');
    expect(find({ caSecretRef: { name: 'ca', key: 'other' } })).toMatchObject({ authorities: certificate });
    authorities({ 'ca.crt': 'hunter2' }, '3');
    expect(find(tls).state).toBe('ca_invalid');
    authorities({ 'ca.crt': certificate }, '4', { [labels.accessKeyLabel]: 'true' });
    expect(find(tls).state).toBe('ca_missing');
    authorities({ 'ca.crt': certificate }, '5');
    const first = find(tls);
    expect(first).toMatchObject({ state: 'usable', password: 'hunter2', authorities: certificate });
    authorities({ 'ca.crt': `${certificate}${certificate}` }, '6');
    const second = find(tls);
    expect(second.state === 'usable' && first.state === 'usable' && second.version !== first.version).toBe(true);
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
