import type { ParsedKey, ServerHostKeyAlgorithm } from 'ssh2';
import ssh2 from 'ssh2';

/** The public key that a host must show. */
export interface HostKey {
  /** The key as it goes over the wire. */
  readonly publicKey: Buffer;
  /** How the server may sign with it. */
  readonly algorithms: ServerHostKeyAlgorithm[];
}

const algorithms: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  // With SHA-1, which `ssh-rsa` means as an algorithm, nothing is signed any more.
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** Reads a line of `/etc/ssh/ssh_host_*_key.pub`. @returns undefined when it is no public key of a known kind */
export function parseHostKey(line: string): HostKey | undefined {
  const key = parsedKey(line);
  const signed = algorithms[key?.type ?? ''];
  if (key === undefined || signed === undefined || key.isPrivateKey()) return undefined;
  return { publicKey: key.getPublicSSH(), algorithms: [...signed] };
}

/** Why the text is no private key that can be used without a passphrase, in words that follow "the key"; undefined when it is. */
export function privateKeyFault(text: string): string | undefined {
  if (text.trim() === '') return 'is missing';
  const key = parsedKey(text);
  if (key?.isPrivateKey() === true) return undefined;
  if (key !== undefined) return 'is a public key: store the private one';
  const parsed = ssh2.utils.parseKey(text);
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----/.test(text) || /passphrase/.test(String(parsed));
  if (isEncrypted) return 'is protected by a passphrase: store one without';
  if (!text.includes('PRIVATE KEY-----')) return 'is not a private key in the format of OpenSSH or PEM';
  if (!text.trim().includes('\n')) return 'has lost its line breaks: store the file as it is';
  return 'can not be read: store the whole file, from the line BEGIN to the line END';
}

function parsedKey(text: string): ParsedKey | undefined {
  const parsed: ParsedKey | readonly ParsedKey[] | Error = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) return undefined;
  // Some formats hold several.
  return Array.isArray(parsed) ? parsed[0] : parsed;
}
