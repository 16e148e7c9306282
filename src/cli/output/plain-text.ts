import { stripVTControlCharacters } from 'node:util';

/** Control characters, line and paragraph separators, and those that turn the direction of writing. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;

/**
 * Makes a text fit for one line of a terminal. What objects say comes from tenants and drivers: an escape sequence in it could
 * retitle the terminal, hide a line or forge one.
 */
export function plainText(text: string): string {
  return stripVTControlCharacters(text.toWellFormed()).replace(unsafe, ' ');
}

/** Cuts a text to so many characters, with an ellipsis where something is left out. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(width - 1, 0)).join('')}…`;
}
