import type { ExportLocation } from '../../api/v1alpha1/share.ts';
import { safeText } from '../safe-text.ts';

const maxLocations = 256;
const maxMetadata = 64;
const maxText = 4096;

/**
 * Export locations of a driver as the status can hold them: of several with one path the first, as many as fit. A path is
 * never cut: half of one leads elsewhere.
 */
export function storableLocations(locations: readonly ExportLocation[]): readonly ExportLocation[] {
  const byPath = new Map<string, ExportLocation>();
  for (const location of locations) {
    if (location.path.length <= maxText && !byPath.has(location.path)) byPath.set(location.path, storable(location));
  }
  return [...byPath.values()].slice(0, maxLocations);
}

function storable({ address, metadata, ...rest }: ExportLocation): ExportLocation {
  return {
    ...rest,
    ...(address === undefined ? {} : { address: safeText(address, maxText) }),
    ...(metadata === undefined
      ? {}
      : {
          metadata: Object.fromEntries(
            Object.entries(metadata)
              .slice(0, maxMetadata)
              .map(([key, text]) => [key, safeText(text, maxText)]),
          ),
        }),
  };
}
