import { utf8Text } from './secret-content.ts';

/** Attribute type: a name, or an object identifier as RFC 4514 or RFC 2253 writes it. */
const attributeType = /(?:oid\.)?[0-9]+(?:\.[0-9]+)+|[a-z][a-z0-9-]*/iy;
/** BER string of octets, UTF-8, printable or IA5 characters: what a value in hexadecimal may be. */
const stringTags = [0x04, 0x0c, 0x13, 0x16];
const maxParts = 128;

const noPair = 'a part must be a type and a value such as OU=Servers; in a value write "," as "\\,"';
const badEscape = '"\\" must come before one of  "#+,;<=>\\ or two hexadecimal digits; write it as "\\\\"';

/** Where reading stopped, and why. */
class Fault extends Error {
  constructor(what: string, at: number) {
    super(`${what} (at character ${at + 1})`);
  }
}

/**
 * Judges a distinguished name by the grammar of RFC 4514, with the separator `;` and the blanks of RFC 2253. Whether it names
 * anything is known by the directory only.
 * @returns what is wrong and at which character, in words that follow the name of the field; undefined when nothing is
 */
export function distinguishedNameFault(text: string): string | undefined {
  try {
    readName(text);
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

function readName(text: string): void {
  let at = blanksFrom(text, 0);
  if (at === text.length) return;
  for (let part = 1; part <= maxParts; part += 1) {
    at = readPair(text, at, '');
    while (text[at] === '+') at = readPair(text, at + 1, '+');
    if (at === text.length) return;
    at += 1;
  }
  throw new Fault(`it has more than ${maxParts} parts`, at);
}

/** @returns where the pair ends: at a separator, or at the end of the text */
function readPair(text: string, start: number, after: '' | '+'): number {
  const begin = blanksFrom(text, start);
  attributeType.lastIndex = begin;
  const equals = attributeType.test(text) ? blanksFrom(text, attributeType.lastIndex) : begin;
  if (equals === begin || text[equals] !== '=') {
    if (after === '+') {
      throw new Fault('"+" joins two attributes of one part; in a value write it as "\\+"', start - 1);
    }
    const first = text[begin];
    throw first === undefined || ',;+'.includes(first) ? new Fault('a part is empty', start) : new Fault(noPair, begin);
  }
  return readValue(text, blanksFrom(text, equals + 1));
}

function readValue(text: string, start: number): number {
  if (text[start] === '"') {
    throw new Fault('values in quotes are not supported; write "," as "\\," instead', start);
  }
  if (text[start] === '#') return readHexadecimal(text, start);
  const bytes: number[] = [];
  let isBlank = true;
  let at = start;
  for (let shown = text[at]; shown !== undefined && !',;+'.includes(shown); shown = text[at]) {
    const isEscape = shown === '\\';
    const length = isEscape ? readEscape(text, at, bytes) : 1;
    if (!isEscape) {
      if ('"<>'.includes(shown)) throw new Fault(`in a value write "${shown}" as "\\${shown}"`, at);
      bytes.push(...Buffer.from(shown));
    }
    isBlank &&= shown === ' ';
    at += length;
  }
  // A character beyond U+FFFF is two code units, each of which became a replacement character: that is valid, too.
  if (!isUTF8(bytes)) throw new Fault('the value is not UTF-8 text', start);
  if (isBlank) throw new Fault('a value is missing', start);
  return at;
}

/** Adds the escaped byte. @returns how many characters the escape has */
function readEscape(text: string, at: number, bytes: number[]): 2 | 3 {
  const following = text.slice(at + 1, at + 3);
  if (/^[0-9a-f]{2}$/i.test(following)) {
    bytes.push(Number.parseInt(following, 16));
    return 3;
  }
  const [first] = following;
  if (first === undefined || !' "#+,;<=>\\'.includes(first)) throw new Fault(badEscape, at);
  bytes.push(first.charCodeAt(0));
  return 2;
}

function readHexadecimal(text: string, start: number): number {
  const found = /^#((?:[0-9a-f]{2})+) *(?=[,;+]|$)/i.exec(text.slice(start));
  if (found === null) {
    throw new Fault('a value that begins with "#" is hexadecimal; else write "#" as "\\#"', start);
  }
  const [tag = 0, length = 0, ...content] = Buffer.from(found[1] ?? '', 'hex');
  const isText = stringTags.includes(tag) && length < 0x80 && length === content.length && isUTF8(content);
  if (!isText || content.length === 0) {
    throw new Fault('the hexadecimal value is not a text of at most 127 bytes', start);
  }
  return start + found[0].length;
}

function blanksFrom(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ') at += 1;
  return at;
}

function isUTF8(bytes: readonly number[]): boolean {
  return utf8Text(Uint8Array.from(bytes)) !== undefined;
}
