import { expect, test } from 'vitest';
import { sambaAdvisories, sambaVulnerabilities } from './versions.ts';

const on = (host: string, sambaVersion: string, ...fixedVulnerabilities: readonly string[]) => ({
  host,
  sambaVersion,
  fixedVulnerabilities,
});

test('what runs is compared with the fixed version of its line, and each host is named', () => {
  const found = sambaVulnerabilities([on('filer-b', '4.17.11'), on('filer-a', '4.17.11'), on('filer-c', '4.24.3')]);
  expect(found.map(({ id, found }) => [id, found])).toEqual([
    ['CVE-2023-4091', 'Samba 4.17.11 (filer-a, filer-b)'],
    ['CVE-2023-3961', 'Samba 4.17.11 (filer-a, filer-b)'],
  ]);
});

test('what the package of a host has fixed is no vulnerability of it', () => {
  const fixed = ['CVE-2023-4091', 'CVE-2023-3961'];
  expect(sambaVulnerabilities([on('filer-a', '4.17.11', ...fixed)])).toEqual([]);
  const [first] = sambaVulnerabilities([on('filer-a', '4.17.11', ...fixed), on('filer-b', '4.17.11')]);
  expect(first?.found).toBe('Samba 4.17.11 (filer-b)');
});

test.each(['', 'unknown', '4.17', '4.24.3', '4.99.0'])('%j has none that is known', (version) => {
  expect(sambaVulnerabilities([on('filer-a', version)])).toEqual([]);
});

test('every advisory has a name, and its fixes one of each line, oldest first', () => {
  for (const { id, fixedVersions, firstVersion } of sambaAdvisories) {
    expect(id).toMatch(/^CVE-\d{4}-\d{4,}$/);
    const lines = fixedVersions.map((version) => Number(version.split('.')[1]));
    expect(lines).toEqual([...new Set(lines)].sort((left, right) => left - right));
    if (firstVersion !== undefined) expect(firstVersion).toMatch(/^4\.\d+\.\d+$/);
  }
});
