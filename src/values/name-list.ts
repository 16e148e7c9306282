const shown = 5;

/**
 * Lists names for a message: sorted, each once, the first five and a count of the others (`a, b, c, d, e and 3 more`). Sorted,
 * because a condition whose list changes its order would look like a change.
 */
export function nameList(names: Iterable<string>): string {
  const sorted = [...new Set(names)].sort();
  const rest = sorted.length - shown;
  return rest > 0 ? `${sorted.slice(0, shown).join(', ')} and ${rest} more` : sorted.join(', ');
}
