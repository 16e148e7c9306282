import { expect, test } from 'vitest';
import type { KnownVulnerability } from '../../drivers/driver.ts';
import { StatusDraft } from '../status/status-draft.ts';
import type { BackendDraft } from './backend-records.ts';
import { noteVulnerabilities } from './known-vulnerabilities.ts';

const old: KnownVulnerability = {
  id: 'CVE-2025-30156',
  summary: 'rights can be forged',
  found: 'Ceph 16.2.15 (mon)',
  fixedVersions: ['19.2.6', '20.2.4'],
};

function draft(): BackendDraft {
  const metadata = { name: 'ceph', generation: 1 };
  return new StatusDraft({ metadata, spec: { driver: 'cephfs' } }, new Date(0));
}

test('the condition names what runs once, each vulnerability and its fixed versions, and leaves Ready alone', () => {
  const seen = draft().setReadiness({ state: 'ready', reason: 'Available', message: 'answers' });
  noteVulnerabilities(seen, [old, { ...old, id: 'CVE-2022-0670', fixedVersions: ['16.2.10'] }]);
  expect(seen.condition('KnownVulnerabilities')).toMatchObject({
    status: 'True',
    reason: 'VulnerableVersion',
    message:
      'Ceph 16.2.15 (mon) has CVE-2025-30156: rights can be forged; fixed in 19.2.6, 20.2.4. ' +
      'CVE-2022-0670: rights can be forged; fixed in 16.2.10',
  });
  expect(seen.condition('Ready')?.status).toBe('True');
});

test.each([[[]], [undefined]])('the condition ends when the driver answers %j', (answer) => {
  const seen = draft();
  noteVulnerabilities(seen, [old]);
  noteVulnerabilities(seen, answer);
  expect(seen.condition('KnownVulnerabilities')).toBeUndefined();
});
