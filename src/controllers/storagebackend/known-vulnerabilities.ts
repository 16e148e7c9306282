import type { KnownVulnerability } from '../../drivers/driver.ts';
import type { BackendDraft } from './backend-records.ts';

/** Says in a condition what the storage system is known to be vulnerable to; without vulnerabilities there is no condition. */
export function noteVulnerabilities(
  draft: BackendDraft,
  vulnerabilities: readonly KnownVulnerability[] | undefined,
): void {
  if (vulnerabilities === undefined || vulnerabilities.length === 0) {
    draft.removeCondition('KnownVulnerabilities');
    return;
  }
  draft.setCondition('KnownVulnerabilities', 'True', 'VulnerableVersion', textOf(vulnerabilities));
}

/** What runs is named once for the vulnerabilities that it has in common. */
function textOf(vulnerabilities: readonly KnownVulnerability[]): string {
  const byFound = Map.groupBy(vulnerabilities, ({ found }) => found);
  return [...byFound]
    .map(([found, those]) => {
      const list = those.map(
        ({ id, summary, fixedVersions }) => `${id}: ${summary}; fixed in ${fixedVersions.join(', ')}`,
      );
      return `${found} has ${list.join('. ')}`;
    })
    .join('. ');
}
