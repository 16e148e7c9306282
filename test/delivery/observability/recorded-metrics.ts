/** One scrape of an operator. */
export interface Scrape {
  /** What `/metrics` answered. */
  readonly text: string;
  /** Seconds since the Unix epoch. */
  readonly time: number;
}

/** A scrape that is held for a time, or that no one answered any more. */
export interface Held {
  readonly scrape: Scrape | undefined;
  /** For so many minutes. */
  readonly minutes: number;
}

/** What Prometheus adds to each series where the series has not got the label itself (honorLabels). */
const targetLabels = {
  namespace: 'sharenet-system',
  job: 'sharenet-metrics',
  pod: 'operator-0',
  instance: '10.0.0.1:8080',
};

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** The samples of a scrape by series, as Prometheus stores them. */
export function samplesOf({ text }: Scrape): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, metric, labelText = '', value] = line.startsWith('#') ? [] : (sampleLine.exec(line) ?? []);
    if (metric === undefined || !Number.isFinite(Number(value))) continue;
    const labels = new Map<string, string>(Object.entries(targetLabels));
    for (const [, name = '', label = ''] of labelText.matchAll(labelPair)) labels.set(name, label);
    // An empty label is none.
    const pairs = [...labels].filter(([, label]) => label !== '').map(([name, label]) => `${name}="${label}"`);
    samples.set(`${metric}{${pairs.sort().join(',')}}`, Number(value));
  }
  return samples;
}

/**
 * Scrapes in turn as the input of a unit test of promtool, one sample a minute. Such a test begins in 1970: points in time are
 * moved, so that they are as far from the beginning of their scrape's part as they were from the scrape.
 */
export function inputSeries(held: readonly Held[]): readonly { readonly series: string; readonly values: string }[] {
  const parts = held.map(({ scrape, minutes }, index) => {
    const beginsAt = held.slice(0, index).reduce((sum, before) => sum + before.minutes * 60, 0);
    return {
      samples: scrape === undefined ? undefined : samplesOf(scrape),
      minutes,
      moved: beginsAt - (scrape?.time ?? 0),
    };
  });
  const names = new Set(parts.flatMap(({ samples }) => [...(samples?.keys() ?? [])]));
  return [...names].map((series) => {
    const isPointInTime = series.split('{', 1)[0]?.endsWith('_timestamp_seconds') === true;
    const values = parts.map(({ samples, minutes, moved }) => {
      const value = samples?.get(series);
      if (value === undefined) return `_x${minutes}`;
      // A value and so many more of it.
      return `${isPointInTime ? value + moved : value}x${minutes - 1}`;
    });
    return { series, values: values.join(' ') };
  });
}
