const suffixes: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * Reads a quantity of bytes as Kubernetes writes it (`10Gi`, `500M`, `1e9`, 1024); fractions are rounded up.
 * @returns bytes, or undefined when it is not a quantity of bytes, is negative or is beyond 2^53
 */
export function parseQuantity(quantity: string | number): number | undefined {
  const match = /^(\d+(?:\.\d*)?|\.\d+)(?:([eE]\+?\d+)|([kMGTPE]|[KMGTPE]i))?$/.exec(String(quantity));
  if (match === null) return undefined;
  const factor = suffixes[match[3] ?? ''];
  if (factor === undefined) return undefined;
  const bytes = Math.ceil(Number(`${match[1]}${match[2] ?? ''}`) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Writes bytes with the largest binary suffix that is exact (`10Gi`), else as a plain number.
 * @param bytes a non-negative integer
 */
export function formatQuantity(bytes: number): string {
  for (const suffix of ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki']) {
    const factor = suffixes[suffix] ?? 1;
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${suffix}`;
  }
  return String(bytes);
}
