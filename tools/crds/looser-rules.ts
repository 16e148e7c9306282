import { patternRule } from './structural-schema.ts';

/** A rule that takes the place of a stricter one of the last release: a program can't tell which of two expressions takes more. */
export interface LooserRule {
  /** The rule or the pattern as it was released. */
  readonly was: string;
  readonly now: string;
}

const hostKey =
  '^(ssh-ed25519|ecdsa-sha2-nistp256|ecdsa-sha2-nistp384|ecdsa-sha2-nistp521|ssh-rsa) [A-Za-z0-9+/]+={0,2}( [^\\p{Cc}]*)?$';

/** The cases of test/api hold what each of them still takes. */
export const looserRules: readonly LooserRule[] = [
  {
    was: String.raw`self.accessType != 'user' || (self.accessTo.size() >= 4 && !self.accessTo.matches(r'[]["/\x5c:;|=,+*?<>%]') && !self.accessTo.matches(r'^[-@\p{Z}]|\p{Z}$|^[.]+$'))`,
    now: String.raw`self.accessType != 'user' || (!self.accessTo.matches(r'[]["/:;|=,+*?<>%]') && !self.accessTo.matches(r'^[-@\p{Z}]|\p{Z}$|^[.]+$') && !self.accessTo.matches(r'^\x5c|\x5c$|\x5c.*\x5c|\p{Z}\x5c|\x5c[-@\p{Z}]|\x5c[.]+$'))`,
  },
  {
    was: String.raw`^[A-Za-z0-9:\[][-A-Za-z0-9._:\[\]]*$`,
    now: patternRule(String.raw`^(ldaps?://)?[A-Za-z0-9:\[][-A-Za-z0-9._:\[\]]*$`, false),
  },
  { was: hostKey, now: "!self.startsWith('SHA256:') && !self.startsWith('MD5:')" },
  { was: hostKey, now: String.raw`!self.matches(r'^[^\n]*\n[^\n]')` },
  {
    was: hostKey,
    now: String.raw`self.startsWith('SHA256:') || self.startsWith('MD5:') || self.matches(r'^[^\n]*\n[^\n]') || self.matches(r'^([^@\s]\S* +)?(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) +[A-Za-z0-9+/]+={0,2}([ \t][^\p{Cc}]*)?\n?$')`,
  },
];
