/** With what is invisible or turns text around; U+200C and U+200D are part of words in some languages. */
const controlCharacters = /(?:[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf})+/gu;

/** Longest text of a condition's message, in characters. */
const maxMessageLength = 1024;

/**
 * Makes a text of a driver or tenant fit for status, events and logs: control characters and invisible ones become one space, and
 * it is cut to `max` characters, never inside a surrogate pair.
 */
export function safeText(text: string, max: number = maxMessageLength): string {
  // Half of a surrogate pair is no text: it could not be sent as UTF-8.
  const clean = text.toWellFormed().replace(controlCharacters, ' ').trim();
  if (clean.length <= max) return clean;
  const cut = clean.slice(0, max - 1);
  const last = cut.charCodeAt(cut.length - 1);
  return `${last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut}…`;
}

/** A reason as the Kubernetes API wants it; what does not fit becomes `otherReason`. */
export function safeReason(reason: string, otherReason: string): string {
  return /^[A-Z][A-Za-z0-9]{0,62}$/.test(reason) ? reason : otherReason;
}

/** Replaces every secret of at least 4 characters in a text, so that an error can be shown. */
export function redact(text: string, secrets: readonly string[]): string {
  let result = text;
  // The longest first: a secret within a longer one must not leave the rest of that standing.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret.length >= 4) result = result.replaceAll(secret, '[redacted]');
  }
  return result;
}
