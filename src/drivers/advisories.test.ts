import { expect, test } from 'vitest';
import { type Advisory, knownVulnerabilities, type Numbering } from './advisories.ts';

const ceph: Numbering = { product: 'Ceph', lineLength: 1 };
const samba: Numbering = { product: 'Samba', lineLength: 2 };

const inCeph: Advisory = { id: 'CVE-1', summary: 'a', fixedVersions: ['15.2.17', '16.2.10', '19.2.6'] };
const inSamba: Advisory = {
  id: 'CVE-2',
  summary: 'b',
  fixedVersions: ['4.17.12', '4.18.8', '4.19.1'],
  firstVersion: '4.13.0',
};

test.each<[Numbering, Advisory, version: string, affected: boolean]>([
  [ceph, inCeph, '16.2.9', true],
  [ceph, inCeph, '16.2.10', false],
  [ceph, inCeph, '16.2.11', false],
  [ceph, inCeph, '19.2.5', true],
  [ceph, inCeph, '19.2.6', false],
  // Older than every fix, and a line between that has none.
  [ceph, inCeph, '14.2.22', true],
  [ceph, inCeph, '18.2.8', true],
  // Newer than every line that had to be fixed.
  [ceph, inCeph, '20.1.0', false],
  [samba, inSamba, '4.17.11', true],
  [samba, inSamba, '4.17.12', false],
  [samba, inSamba, '4.18.7', true],
  [samba, inSamba, '4.16.11', true],
  [samba, inSamba, '4.12.15', false],
  [samba, inSamba, '4.20.0', false],
])('%o, %o: %s is affected: %s', (numbering, advisory, version, affected) => {
  const found = knownVulnerabilities(numbering, new Map([[version, ['here']]]), [advisory]);
  expect(found.map(({ id }) => id)).toEqual(affected ? [advisory.id] : []);
});

test('an advisory names every affected version, the oldest first, and where it runs', () => {
  const running = new Map([
    ['16.2.9', ['mds', 'osd']],
    ['19.2.6', ['mgr']],
    ['9.2.1', ['mon']],
  ]);
  expect(knownVulnerabilities(ceph, running, [inCeph])).toEqual([
    {
      id: 'CVE-1',
      summary: 'a',
      found: 'Ceph 9.2.1 (mon), Ceph 16.2.9 (mds, osd)',
      fixedVersions: inCeph.fixedVersions,
    },
  ]);
});
