import { describe, expect, test } from 'vitest';
import { keepIdentity } from './identity.ts';

const fields = ['stateDirectory', 'handlesServers'];

describe('identity fields of a backend in use', () => {
  test('are recorded as they are when nothing was recorded', () => {
    const config = { stateDirectory: '/a', latency: 5 };
    expect(keepIdentity(config, fields, undefined)).toEqual({
      config,
      identity: { stateDirectory: '"/a"' },
      refusedFields: [],
    });
  });

  test('keep their recorded values, while other fields take the new ones', () => {
    const recorded = { stateDirectory: '"/a"', handlesServers: 'true' };
    expect(keepIdentity({ stateDirectory: '/b', handlesServers: true, latency: 7 }, fields, recorded)).toEqual({
      config: { stateDirectory: '/a', handlesServers: true, latency: 7 },
      identity: recorded,
      refusedFields: ['stateDirectory'],
    });
  });

  test('can neither be added nor removed', () => {
    expect(keepIdentity({ stateDirectory: '/b' }, fields, { handlesServers: 'false' })).toEqual({
      config: { handlesServers: false },
      identity: { handlesServers: 'false' },
      refusedFields: ['stateDirectory', 'handlesServers'],
    });
  });
});
