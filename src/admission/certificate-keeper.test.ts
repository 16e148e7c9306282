import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyApiServer } from '../../test/faults/api-server.ts';
import { ManualClock } from '../../test/faults/manual-clock.ts';
import { type ApiClient, createApiClient, type HttpApiClient } from '../runtime/api-client.ts';
import { ObjectCache } from '../runtime/cache.ts';
import { type Secret, secrets, secretText } from '../runtime/core-types.ts';
import { createLogger } from '../runtime/logger.ts';
import { CertificateKeeper, type EnsureOptions } from './certificate-keeper.ts';
import { certificateSecretName } from './serving-certificate.ts';

const namespace = 'sharenet-system';
const name = { namespace, name: certificateSecretName };
const collection = `/api/v1/namespaces/${namespace}/secrets`;
const day = 86_400_000;
const logger = createLogger({ level: 'silent', format: 'json' });

describe('the keeper of the certificate', () => {
  let server: FaultyApiServer;
  let client: HttpApiClient;
  let clock: ManualClock;

  beforeEach(async () => {
    server = await FaultyApiServer.start();
    client = createApiClient({ kubeConfig: server.kubeConfig, fieldManager: 'test', userAgent: 'test', logger });
    clock = new ManualClock();
  });

  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  /** A replica: its cache knows what a test shows it and what it wrote itself. */
  function replica(through: ApiClient = client) {
    const cache = new ObjectCache<Secret>({ logger, emit: () => undefined });
    const keeper = new CertificateKeeper({ client: through, cache, namespace, clock, logger });
    const ensure = (options: Partial<EnsureOptions> = {}) =>
      keeper.ensure({ leads: true, byCertManager: false, trusts: () => true, ...options });
    return { cache, ensure };
  }

  const stored = () => client.get(secrets, name);
  const writes = () => server.requests.filter(({ method }) => method !== 'GET').length;

  it('of two that find nothing, one makes it and the other takes it', async () => {
    const [one, two] = [replica(), replica()];
    const first = await one.ensure({ leads: false });
    // It does not know yet: its create is refused, and it reads what is there.
    expect(await two.ensure({ leads: false })).toEqual({ until: clock.now() });
    const second = await two.ensure({ leads: false });
    expect(second.serving?.fingerprint).toBe(first.serving?.fingerprint);
    expect(second.until).toBeGreaterThan(clock.now() + 59 * day);
    const before = writes();
    await one.ensure();
    await two.ensure();
    expect(writes()).toBe(before);
  });

  it('renews in two steps, and only the leader does', async () => {
    const { ensure } = replica();
    const first = await ensure();
    await clock.advance(61 * day);
    expect((await ensure({ leads: false })).serving?.fingerprint).toBe(first.serving?.fingerprint);
    expect(writes()).toBe(1);
    const prepared = await ensure();
    expect(prepared.serving?.fingerprint).toBe(first.serving?.fingerprint);
    expect(prepared.trust?.bundle).toMatch(/^(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n){2}$/);
    // Nothing happens as long as the API server is not told of it.
    await clock.advance(day);
    expect((await ensure({ trusts: () => false })).serving?.fingerprint).toBe(first.serving?.fingerprint);
    const promoted = await ensure();
    expect(promoted.serving?.fingerprint).not.toBe(first.serving?.fingerprint);
    expect(promoted.trust?.bundle).toBe(prepared.trust?.bundle);
    expect(Object.keys((await stored()).data ?? {}).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(writes()).toBe(3);
  });

  it('that was away for a year makes a new one at once, leading or not', async () => {
    await replica().ensure();
    const old = await stored();
    await clock.advance(365 * day);
    const late = replica();
    late.cache.observe(old);
    const kept = await late.ensure({ leads: false });
    expect(kept.serving?.notAfter).toBeGreaterThan(clock.now());
    expect(secretText(await stored(), 'ca.crt')).toBe(kept.trust?.bundle);
  });

  it('stores what it has again when the Secret is gone or was spoiled', async () => {
    const { cache, ensure } = replica();
    const first = await ensure();
    await ensure();
    const before = await stored();
    server.remove(collection, name);
    const resourceVersion = String(Number(before.metadata.resourceVersion) + 1);
    cache.apply(undefined, 'DELETED', { ...before, metadata: { ...before.metadata, resourceVersion } });
    expect((await ensure()).serving?.fingerprint).toBe(first.serving?.fingerprint);
    expect(secretText(await stored(), 'tls.crt')).toBe(secretText(before, 'tls.crt'));
    const spoiled: Secret = { ...before, data: {} };
    cache.observe(server.put(collection, spoiled));
    await ensure();
    expect(secretText(await stored(), 'tls.crt')).toBe(secretText(before, 'tls.crt'));
  });

  /** A client of a process that dies at its next write: before the API server has it, or before the process hears of it. */
  function dying(when: 'before' | 'after'): ApiClient {
    const last = async (write: () => Promise<unknown>): Promise<never> => {
      if (when === 'after') await write();
      throw new Error('the process died');
    };
    return new Proxy(client, {
      get(target, method: keyof HttpApiClient) {
        const member = target[method];
        if (typeof member !== 'function') return member;
        const call = (member as (...given: unknown[]) => Promise<unknown>).bind(target);
        return method === 'create' || method === 'replace' ? (...given: unknown[]) => last(() => call(...given)) : call;
      },
    });
  }

  it.each(['before', 'after'] as const)(
    'that dies %s each of its writes serves nothing that is not trusted',
    async (when) => {
      const served = new Set<string>();
      let isStored = false;
      // It is made, the next one is prepared, and that one is promoted.
      for (const [step, wait] of [0, 61 * day, day].entries()) {
        await clock.advance(wait);
        const next = async (through?: ApiClient) => {
          const { cache, ensure } = replica(through);
          if (isStored) cache.observe(await stored());
          return await ensure();
        };
        await expect(next(dying(when)), `step ${step}`).rejects.toThrow('the process died');
        isStored ||= when === 'after';
        const { serving, trust } = await next();
        expect(trust?.bundle, `step ${step}`).toContain(trust?.serving);
        expect(secretText(await stored(), 'ca.crt')).toBe(trust?.bundle);
        served.add(serving?.fingerprint ?? '');
        isStored = true;
      }
      expect(served.size).toBe(2);
      expect(Object.keys((await stored()).data ?? {}).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    },
  );

  it('writes nothing over a Secret of another owner, nor where cert-manager is to write', async () => {
    const { cache, ensure } = replica();
    expect(await ensure({ byCertManager: true })).toEqual({
      problem: `Secret ${namespace}/${name.name} does not exist: cert-manager has not made the certificate yet`,
    });
    const foreign: Secret = { metadata: name, type: 'Opaque', data: {} };
    cache.observe(server.put(collection, foreign));
    expect((await ensure()).problem).toMatch(/was made neither by the operator nor by cert-manager/);
    expect(writes()).toBe(0);
  });

  it('that finds its version outdated reads the newer one', async () => {
    const { ensure } = replica();
    await ensure();
    await clock.advance(61 * day);
    const newer = server.put(collection, { ...(await stored()) });
    expect(await ensure()).toEqual({ until: clock.now() });
    expect((await stored()).metadata.resourceVersion).toBe(newer.metadata.resourceVersion);
    expect((await ensure()).trust?.bundle).toMatch(/(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n){2}/);
  });
});
