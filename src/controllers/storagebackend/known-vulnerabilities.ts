import type { KnownVulnerability } from '../../drivers/driver.ts';
import type { BackendDraft } from './backend-records.ts';

/** Shows known vulnerabilities of the storage system in a condition; without any there is no condition. */
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

/** Names each version once, followed by its vulnerabilities. */
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
