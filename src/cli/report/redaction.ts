/** Words that are no names, though a person may be named so: a report without them could not be read. */
const ownWords = new Set(
  'active applying available creating deleting denying error false none null queued syncing true updating'.split(' '),
);

/** Texts that are secret by their look, wherever they are. */
const secretShapes: readonly (readonly [shape: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '<private key>'],
  // What cephx keys look like.
  [/\bAQ[A-Za-z0-9+/]{36,}={0,2}/g, '<access key>'],
  // JSON web tokens, for example of service accounts.
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, '<token>'],
  [/\b(bearer|basic)\s+[A-Za-z0-9+/._~-]{8,}=*/gi, '$1 <token>'],
  [/((?:password|passwd|secret|token|accessKey|userKey)["']?\s*[:=]\s*["']?)[^\s"',;}]+/gi, '$1<secret>'],
];

/** Fields whose value is one of a known few, or the API's own. */
const plainFields = new Set([
  'accessLevel',
  'accessType',
  'apiVersion',
  'kind',
  'operation',
  'phase',
  'protocol',
  'reason',
  'recordedPhase',
  'result',
  'stage',
  'status',
  'type',
]);

/**
 * Hides values, each behind a name of its own, wherever they occur: what is equal stays recognisable as such. Tell it all values
 * with {@link Redaction.hide} before the first text.
 */
export class Redaction {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  #phrases: RegExp | undefined;

  /** Hides a value; `what` is the kind of thing that it is, for example `client`. Values too short to be found again are not. */
  hide(what: string, value: unknown): void {
    if (typeof value !== 'string') return;
    const text = value.trim();
    if (text.length < 2 || this.#names.has(text) || ownWords.has(text.toLowerCase())) return;
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    this.#names.set(text, `<${what}-${count}>`);
    this.#phrases = undefined;
  }

  /** A text without what is hidden and what looks like a secret. */
  text(text: string): string {
    let shown = text;
    for (const [shape, replacement] of secretShapes) shown = shown.replace(shape, replacement);
    // Phrases first: their words may be hidden on their own too.
    shown = shown.replace(this.#phrasePattern(), (found) => this.#names.get(found) ?? found);
    return shown.replace(/<[a-z]+-\d+>|[\p{L}\p{N}_]+/gu, (word) => this.#names.get(word) ?? word);
  }

  /** Data without it. */
  data(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item) => this.data(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => [
        this.text(key),
        plainFields.has(key) && typeof field === 'string' ? field : this.data(field),
      ]),
    );
  }

  #phrasePattern(): RegExp {
    if (this.#phrases !== undefined) return this.#phrases;
    const phrases = [...this.#names.keys()]
      .filter((value) => !/^[\p{L}\p{N}_]+$/u.test(value))
      // The longest first: one may be the beginning of another.
      .sort((a, b) => b.length - a.length)
      .map((value) => value.replaceAll(/[\^$.*+?()[\]{}|/\\]/g, '\\$&'));
    this.#phrases =
      phrases.length === 0
        ? /(?!)/g
        : new RegExp(`(?<![\\p{L}\\p{N}_])(?:${phrases.join('|')})(?![\\p{L}\\p{N}_])`, 'gu');
    return this.#phrases;
  }
}
