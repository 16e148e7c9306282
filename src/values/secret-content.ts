/** What is wrong with the content of one key of a Secret. */
export type ContentFault =
  | 'empty'
  | 'not_utf8'
  | 'byte_order_mark'
  | 'line_break_at_end'
  | 'several_lines'
  | 'control_character'
  | 'too_long';

/** One line of text, as it is stored, or why the bytes are none. */
export type LineContent =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly fault: ContentFault };

/** What is wrong in words that follow "the content"; none of them quotes it. */
export const contentFaults: Readonly<Record<ContentFault, string>> = {
  empty: 'is empty',
  not_utf8: 'is not UTF-8 text: store it in that encoding',
  byte_order_mark: 'begins with a byte order mark, which some editors write: store it without one',
  line_break_at_end:
    'ends with a line break, which --from-file keeps from the file: use --from-literal, or write the file with printf %s',
  several_lines: 'has more than one line',
  control_character: 'contains a control character',
  too_long: 'is too long',
};

/**
 * Decodes bytes that are to be one line of text. Nothing is changed or replaced: what is no such line is refused, because a
 * server would refuse it as a wrong password.
 * @param maxLength in characters
 */
export function lineContent(bytes: Uint8Array, maxLength: number): LineContent {
  const text = utf8Text(bytes);
  if (text === undefined) return { ok: false, fault: 'not_utf8' };
  const fault = faultOf(text, maxLength);
  return fault === undefined ? { ok: true, text } : { ok: false, fault };
}

/** The text of which these are the bytes, also a byte order mark; undefined where they are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function faultOf(text: string, maxLength: number): ContentFault | undefined {
  if (text === '') return 'empty';
  if (text.startsWith('\ufeff')) return 'byte_order_mark';
  if (text.length > maxLength) return 'too_long';
  const line = text.replace(/[\r\n]+$/, '');
  if (/[\r\n]/.test(line)) return 'several_lines';
  if (line !== text) return 'line_break_at_end';
  return /\p{Cc}/u.test(text) ? 'control_character' : undefined;
}
