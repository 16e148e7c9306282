/** Time since then as kubectl writes an age: `5s`, `10m`, `3h`, `12d`. */
export function ageText(time: string | undefined, now: number): string {
  const seconds = Math.max(Math.floor((now - Date.parse(time ?? '')) / 1000), 0);
  if (Number.isNaN(seconds)) return 'unknown time';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
