import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FaultyApiServer, type SeenRequest } from '../../test/faults/api-server.ts';
import { createApiClient, type HttpApiClient } from '../runtime/api-client.ts';
import { createLogger } from '../runtime/logger.ts';
import { type CapabilityOutcome, setCapability } from './server-capability.ts';

const collection = '/apis/sharenet.io/v1alpha1/shareservers';
const capability = 'securityServiceUpdateSupport';
const namespace = 'team-a';

describe('setting a capability of share servers', () => {
  let server: FaultyApiServer;
  let client: HttpApiClient;

  beforeEach(async () => {
    server = await FaultyApiServer.start();
    const logger = createLogger({ level: 'silent', format: 'json' });
    client = createApiClient({ kubeConfig: server.kubeConfig, fieldManager: 'test', userAgent: 'test', logger });
    for (const name of ['one', 'two', 'three']) put(name, true);
    server.fault = checked;
  });

  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  /** Writes a server as another user does. */
  function put(name: string, value: boolean, generation = 1) {
    return server.put(collection, {
      apiVersion: 'sharenet.io/v1alpha1',
      kind: 'ShareServer',
      metadata: { namespace, name, generation },
      ...{ spec: { [capability]: value } },
    });
  }

  const nameOf = ({ path }: SeenRequest) => path.split('/').at(-1) ?? '';
  const isWrite = ({ method, query }: SeenRequest) => method === 'PATCH' && !query.has('dryRun');

  /** This server stores everything: a dry run is answered before it gets there. */
  function checked({ query }: SeenRequest) {
    return query.has('dryRun') ? { status: 200, body: JSON.stringify({ metadata: { name: 'checked' } }) } : undefined;
  }

  async function set(value: boolean, ...servers: readonly string[]): Promise<CapabilityOutcome> {
    return await setCapability(client, { namespace, servers, capability, value, dryRun: false });
  }

  async function values(): Promise<readonly unknown[]> {
    server.fault = () => undefined;
    const { items } = await client.list<{ metadata: { name: string }; spec?: Record<string, unknown> }>(
      { group: 'sharenet.io', version: 'v1alpha1', kind: 'ShareServer', plural: 'shareservers', namespaced: true },
      { namespace },
    );
    return items.map(({ spec }) => spec?.[capability]);
  }

  test('changes those that differ, in the order they are named', async () => {
    put('two', false);
    const outcome = await set(false, 'three', 'two', 'one');
    expect(outcome).toEqual({
      kind: 'done',
      servers: [
        { server: 'three', was: true },
        { server: 'two', was: false },
        { server: 'one', was: true },
      ],
    });
    expect(server.requests.filter(isWrite).map(nameOf)).toEqual(['three', 'one']);
    expect(await values()).toEqual([false, false, false]);
  });

  test('a status that the operator writes in between does not matter', async () => {
    let disturbed = false;
    server.fault = (request) => {
      if (isWrite(request) && !disturbed) {
        disturbed = true;
        put('one', true);
      }
      return checked(request);
    };
    expect(await set(false, 'one')).toMatchObject({ kind: 'done' });
    expect(disturbed).toBe(true);
    expect(await values()).toEqual([false, true, true]);
  });

  test('what another user changed in between is not overwritten, and the others are put back', async () => {
    server.fault = (request) => {
      if (isWrite(request) && nameOf(request) === 'two') put('two', true, 2);
      return checked(request);
    };
    expect(await set(false, 'one', 'two', 'three')).toEqual({
      kind: 'failed',
      problem: { server: 'two', text: 'another user changed it at the same time' },
      putBack: ['one'],
      left: [],
    });
    expect(await values()).toEqual([true, true, true]);
  });

  test('a write without an answer may have happened: it is put back too', async () => {
    let answered = false;
    server.fault = (request) => {
      if (isWrite(request) && nameOf(request) === 'two' && !answered) {
        answered = true;
        put('two', false);
        return 'reset';
      }
      return checked(request);
    };
    const outcome = await set(false, 'one', 'two', 'three');
    expect(outcome).toMatchObject({ kind: 'failed', problem: { server: 'two' }, putBack: ['one', 'two'], left: [] });
    expect(await values()).toEqual([true, true, true]);
  });

  test('what can not be put back is reported', async () => {
    let writes = 0;
    server.fault = (request) => {
      if (isWrite(request)) {
        writes += 1;
        if (writes > 1) return { status: 500 };
      }
      return checked(request);
    };
    expect(await set(false, 'one', 'two')).toEqual({
      kind: 'failed',
      problem: { server: 'two', text: 'injected' },
      putBack: [],
      left: [{ server: 'one', text: 'injected' }],
    });
  });

  test('a server that does not exist keeps all from being written, also as a trial', async () => {
    expect(await set(false, 'one', 'nope')).toEqual({
      kind: 'refused',
      problems: [{ server: 'nope', text: 'not found' }],
    });
    expect(server.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('a server that the API server would refuse keeps all from being written', async () => {
    server.fault = (request) =>
      request.query.has('dryRun') && nameOf(request) === 'three' ? { status: 403 } : checked(request);
    expect(await set(false, 'one', 'two', 'three')).toMatchObject({ kind: 'refused', problems: [{ server: 'three' }] });
    expect(server.requests.filter(isWrite)).toEqual([]);
  });
});
