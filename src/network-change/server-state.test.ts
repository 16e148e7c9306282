import { expect, test } from 'vitest';
import type { ShareServer, ShareServerStatus } from '../api/v1alpha1/share-server.ts';
import { notAttempted, updateFailed } from './server-state.ts';

function server(status: ShareServerStatus): ShareServer {
  return { metadata: { name: 's' }, spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'sub' }, status };
}

/** As version 0.1 stored it, which had no field. */
function condition(reason: string, status: 'True' | 'False' = 'False'): ShareServerStatus {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return { conditions: [{ type: 'SecurityServicesUpToDate', status, reason, message: '', lastTransitionTime }] };
}

test.each<[string, ShareServerStatus, { failed: boolean; notAttempted: boolean }]>([
  ['nothing was missed', {}, { failed: false, notAttempted: false }],
  ['an update failed', { missedUpdate: 'Failed' }, { failed: true, notAttempted: false }],
  ['a change was stopped', { missedUpdate: 'NotAttempted' }, { failed: false, notAttempted: true }],
  ['an update failed under version 0.1', condition('UpdateFailed'), { failed: true, notAttempted: false }],
  ['a change was stopped under version 0.1', condition('NotAttempted'), { failed: false, notAttempted: true }],
  ['a change runs', condition('NetworkChangeInProgress'), { failed: false, notAttempted: false }],
  ['the server is up to date', condition('UpToDate', 'True'), { failed: false, notAttempted: false }],
])('a server knows that %s', (_what, status, expected) => {
  const given = server(status);
  expect({ failed: updateFailed(given), notAttempted: notAttempted(given) }).toEqual(expected);
});
