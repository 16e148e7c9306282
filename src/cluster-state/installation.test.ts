import { describe, expect, it } from 'vitest';
import { createOperatorRig } from '../../test/faults/operator-rig.ts';
import { Installation, installationSecretName, loadInstallation } from './installation.ts';

const one = new Installation('id', Buffer.alloc(32, 1));
const other = new Installation('id', Buffer.alloc(32, 2));

describe('a digest', () => {
  it('is the same for the same texts, and tells nothing about them', () => {
    expect(one.digest('a', 'b')).toBe(one.digest('a', 'b'));
    expect(one.digest('hunter2')).toMatch(/^[0-9a-f]{8}\.[0-9a-f]{40}$/);
  });

  it('is another one for other texts, for texts that are divided differently, and under another key', () => {
    const digests = [
      one.digest(),
      one.digest(''),
      one.digest('ab'),
      one.digest('a', 'b'),
      one.digest('b', 'a'),
      one.digest('a1:b'),
      other.digest('ab'),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  it.each([
    ['equal content', one.digest('a'), one.digest('a'), false],
    ['other content', one.digest('a'), one.digest('b'), true],
    ['a digest that someone cut', one.digest('a').slice(0, -1), one.digest('a'), true],
    ['one that appeared', undefined, one.digest('a'), true],
    ['one that is gone', one.digest('a'), undefined, true],
    ['none before and after', undefined, undefined, false],
    ['one under a key that was lost', other.digest('a'), one.digest('b'), false],
  ])('compared: %s', (_what, recorded, present, expected) => {
    expect(one.differs(recorded, present)).toBe(expected);
  });
});

describe('loadInstallation', () => {
  const path = `/api/v1/namespaces/sharenet-system/secrets/${installationSecretName}`;

  it('makes the key once and reads it afterwards', async () => {
    await using rig = await createOperatorRig();
    const { client } = rig.operator;
    rig.server.put('/api/v1/namespaces', { metadata: { name: 'kube-system' } });
    const [first, second] = [
      await loadInstallation(client, 'sharenet-system', 'mine'),
      await loadInstallation(client, 'sharenet-system', 'mine'),
    ];
    expect(first.id).toBe('mine');
    expect(first.digest('a')).toBe(second.digest('a'));
    expect(rig.requests().filter((request) => request.startsWith('POST'))).toHaveLength(1);
    const others = await createOperatorRig();
    expect((await loadInstallation(others.operator.client, 'sharenet-system', 'mine')).digest('a')).not.toBe(
      first.digest('a'),
    );
    await others[Symbol.asyncDispose]();
  });

  it('takes the key of a process that was faster', async () => {
    await using rig = await createOperatorRig();
    const faster = { data: { key: Buffer.alloc(32, 1).toString('base64') } };
    rig.server.fault = ({ method }) => {
      if (method === 'POST') {
        rig.server.put('/api/v1/secrets', {
          metadata: { name: installationSecretName, namespace: 'sharenet-system' },
          ...faster,
        });
      }
      return undefined;
    };
    const loaded = await loadInstallation(rig.operator.client, 'sharenet-system', 'mine');
    expect(loaded.digest('a')).toBe(one.digest('a'));
  });

  it('refuses a key that is too short to be one, in one line that says what to do', async () => {
    await using rig = await createOperatorRig();
    rig.server.put('/api/v1/secrets', {
      metadata: { name: installationSecretName, namespace: 'sharenet-system' },
      ...{ data: { key: 'c2hvcnQ=' } },
    });
    await expect(loadInstallation(rig.operator.client, 'sharenet-system', 'mine')).rejects.toThrow(
      /^Secret sharenet-system\/sharenet-installation: key is missing or shorter than 32 bytes; delete the Secret/,
    );
    expect(rig.requests()).toEqual([`GET ${path}`]);
  });
});
