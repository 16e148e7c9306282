/** Types of cephx keys: `aes256k` is known to Ceph 19.2.6, 20.2.4 and newer. */
export type KeyType = 'aes' | 'aes256k';

/** A key as librados takes it, or what is wrong with the text in words that follow "it"; the words have nothing of the text. */
export type OperatorKey =
  | { readonly ok: true; readonly key: string }
  | { readonly ok: false; readonly problem: string };

/** Numbers of the types, and bytes of the secret in a key. */
const types: Readonly<Record<KeyType, { readonly number: number; readonly secretLength: number }>> = {
  aes: { number: 1, secretLength: 16 },
  aes256k: { number: 2, secretLength: 32 },
};
/** Type, time of creation and length of the secret come before it. */
const headerLength = 12;

/**
 * Reads the key of a Ceph user: the key alone, a line `key = ...`, or a whole keyring with an entry for the user.
 * @param user without `client.`
 */
export function readOperatorKey(text: string, user: string): OperatorKey {
  const found = keyIn(text, user);
  if (typeof found !== 'string') return found;
  const problem = keyProblem(found);
  return problem === undefined ? { ok: true, key: found } : { ok: false, problem };
}

/** The type of a well-formed key; undefined for one of a type that is not known. */
export function keyTypeOf(key: string): KeyType | undefined {
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length < headerLength) return undefined;
  const number = bytes.readUInt16LE(0);
  if (number === types.aes.number) return 'aes';
  return number === types.aes256k.number ? 'aes256k' : undefined;
}

function keyIn(text: string, user: string): string | Extract<OperatorKey, { ok: false }> {
  const trimmed = text.trim();
  if (trimmed === '') return { ok: false, problem: 'is missing or empty' };
  const entries = [...trimmed.matchAll(/^\s*\[([^\]\n]*)\]([^[]*)/gm)];
  if (entries.length === 0) return keyLine(trimmed) ?? trimmed;
  const entity = `client.${user}`;
  const [, , body] = entries.find(([, name]) => name?.trim() === entity) ?? [];
  if (body === undefined) return { ok: false, problem: `is a keyring without an entry for ${entity}` };
  return keyLine(body) ?? { ok: false, problem: `is a keyring whose entry for ${entity} has no key` };
}

function keyLine(text: string): string | undefined {
  return /^\s*key\s*[=:]\s*"?([^\s"]+)"?\s*$/m.exec(text)?.[1];
}

function keyProblem(key: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return 'is not a key: keys are in base64, 40 or 60 characters long';
  const bytes = Buffer.from(key, 'base64');
  const inner = bytes.toString('latin1').trim();
  if (/^[A-Za-z0-9+/]{36,}={0,2}$/.test(inner) && keyProblem(inner) === undefined) {
    return 'is in base64 twice: give the key as Ceph prints it in stringData, or encode it once in data';
  }
  const secretLength = bytes.length < headerLength ? -1 : bytes.readUInt16LE(headerLength - 2);
  const type = keyTypeOf(key);
  const expected = type === undefined ? secretLength : types[type].secretLength;
  if (secretLength === expected && bytes.length === headerLength + secretLength) return undefined;
  return `is not a whole key: it has ${key.length} characters, a key of type aes has 40, one of type aes256k 60`;
}
