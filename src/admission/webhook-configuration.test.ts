import { readFile } from 'node:fs/promises';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import {
  injectedByCertManager,
  isContained,
  registrationNameOf,
  servedWebhooks,
  validatingWebhooks,
  webhookConfigurationName,
  webhookPath,
  webhookServiceName,
} from './webhook-configuration.ts';

const config = new URL('../../config/webhook/', import.meta.url);
const namespace = 'sharenet-system';
const user = `system:serviceaccount:${namespace}:sharenet-operator`;

describe('config/webhook', () => {
  it('registers what the operator serves', async () => {
    const installed = parse(await readFile(new URL('validating-webhook-configuration.yaml', config), 'utf8'));
    const service = { name: webhookServiceName, namespace, path: webhookPath, port: 443 };
    expect(installed.metadata.name).toBe(webhookConfigurationName);
    expect(installed.webhooks).toEqual(validatingWebhooks({ service }, user));
  });

  it('has the Service that it is registered with', async () => {
    const { metadata, spec } = parse(await readFile(new URL('service.yaml', config), 'utf8'));
    expect(metadata).toMatchObject({ name: webhookServiceName, namespace });
    expect(spec).toMatchObject({ publishNotReadyAddresses: true, ports: [{ port: 443, targetPort: 9443 }] });
  });
});

test('a user name can not end the expression that contains it', () => {
  const [, status] = validatingWebhooks({}, 'a" || true || "');
  expect(status?.matchConditions?.[0]?.expression).toBe(String.raw`request.userInfo.username != "a\" || true || \""`);
});

test('webhooks of others in the registration are not ours', () => {
  const other = { name: 'x.example.com', clientConfig: {} };
  const [ours] = validatingWebhooks({}, user);
  if (ours === undefined) throw new Error('there are none');
  expect(servedWebhooks({ metadata: { name: 'x' }, webhooks: [other, ours] })).toEqual([ours]);
});

test.each([
  [undefined, false],
  [{}, false],
  [{ 'cert-manager.io/inject-ca-from': 'a/b' }, true],
  [{ 'cert-manager.io/inject-ca-from-secret': 'a/b' }, true],
])('annotations %j: cert-manager injects %s', (annotations, expected) => {
  expect(injectedByCertManager({ metadata: { name: 'x', ...(annotations && { annotations }) } })).toBe(expected);
});

test.each([
  [{ a: 1 }, { a: 1, b: 2 }, true],
  [{ a: { b: 1 } }, { a: { b: 1, c: 2 } }, true],
  [{ a: [1, 2] }, { a: [1, 2] }, true],
  [{ a: [1] }, { a: [1, 2] }, false],
  [{ a: [{ b: 1 }] }, { a: [{ b: 1, c: 1 }] }, false],
  [{ a: 1 }, {}, false],
  [{ a: undefined }, {}, true],
  [{ a: {} }, { a: null }, false],
  [{ toString: {} }, {}, false],
])('%j in %j: %s', (wanted, present, expected) => {
  expect(isContained(wanted, present)).toBe(expected);
});

test.each([
  ['sharenet-system', undefined, 'sharenet-validating-webhook'],
  ['ops', undefined, 'sharenet-validating-webhook'],
  ['sharenet-system', ['team-a'], 'sharenet-validating-webhook'],
  ['ops', ['team-a'], 'sharenet-validating-webhook-ops'],
])('the registration of the operator in %s for %s has the name of the chart', (namespace, watched, name) => {
  expect(registrationNameOf(namespace, watched)).toBe(name);
});
