import type { ExportLocation } from '../../api/v1alpha1/share.ts';
import { DriverError } from '../../drivers/errors.ts';
import { safeText } from '../../values/safe-text.ts';

/** Maximum length of a driver's text (`DriverText` of the API). */
const maxTextLength = 4096;
const maxDetails = 128;
const maxExportLocations = 256;
const maxLocationMetadata = 64;

/**
 * Backend details within the limits of the status: at most 128, each truncated. A driver that returns too much must not make the write
 * of its result fail.
 * @param own the operator's entries, which precede those of the driver
 */
export function boundedDetails(
  details: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return boundedTexts({ ...own, ...details, ...own }, maxDetails);
}

/** Export locations within the limits of the status. */
export function boundedExportLocations(locations: readonly ExportLocation[]): readonly ExportLocation[] {
  const paths = new Set<string>();
  return locations
    .filter(({ path }) => path.length <= maxTextLength && !paths.has(path) && paths.add(path))
    .slice(0, maxExportLocations)
    .map(({ address, metadata, ...location }) => ({
      ...location,
      ...(address === undefined ? {} : { address: safeText(address, maxTextLength) }),
      ...(metadata === undefined ? {} : { metadata: boundedTexts(metadata, maxLocationMetadata) }),
    }));
}

/**
 * An unchanged identifier: a truncated one would identify something else.
 * @throws DriverError `Internal` when it is too long to be stored
 */
export function storableIdentifier(identifier: string): string {
  if (isStorable(identifier)) return identifier;
  throw new DriverError({
    kind: 'Internal',
    reason: 'DriverFault',
    message: `the storage driver returned an identifier of more than ${maxTextLength} characters`,
  });
}

/** Whether an identifier or a token can be stored. */
export function isStorable(text: string): boolean {
  return text.length <= maxTextLength;
}

function boundedTexts(texts: Readonly<Record<string, string>>, max: number): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts)
      .slice(0, max)
      .map(([key, text]) => [key, safeText(text, maxTextLength)]),
  );
}
