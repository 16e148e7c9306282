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

/**
 * Reads a line of `/etc/ssh/ssh_host_*_key.pub` or of a known_hosts file, whose host names say nothing here.
 * @returns undefined when it is no public key of a known kind
 */
export function parseHostKey(line: string): HostKey | undefined {
  const [first = '', ...words] = line.trim().split(/[ \t]+/);
  // In known_hosts the names of the host come first.
  const key = parsedKey((Object.hasOwn(algorithms, first) ? [first, ...words] : words).join(' '));
  const signed = algorithms[key?.type ?? ''];
  if (key === undefined || signed === undefined || key.isPrivateKey()) return undefined;
  return { publicKey: key.getPublicSSH(), algorithms: [...signed] };
}

/** Why the text is no public key of a host, in words that follow the name of the field; undefined when it is. */
export function hostKeyFault(text: string): string | undefined {
  if (/[\r\n]/.test(text.trim())) return 'has more than one line: keep that of one key';
  if (/^(SHA256|MD5):/.test(text))
    return 'is a fingerprint: give the key itself, a line of /etc/ssh/ssh_host_*_key.pub';
  if (text.startsWith('@')) return 'is a marked line of known_hosts: give the key of the host itself';
  if (text.includes('PRIVATE KEY')) return 'is a private key: give the public one';
  if (parseHostKey(text) !== undefined) return undefined;
  return 'must be a public key of an SSH server, such as "ssh-ed25519 AAAA...", alone or as a line of known_hosts';
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
