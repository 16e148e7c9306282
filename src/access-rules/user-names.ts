import type { BackendCapabilities, UserNameRules } from '../api/v1alpha1/backend-capabilities.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';

/** How names of users and groups are validated and compared. */
export interface UserNames extends UserNameRules {
  /** Names of the share server's domain that may precede or follow a user's name. */
  readonly ownDomains: readonly string[];
}

/** The minimum length where the backend reports none: Manila's. */
const usualMinLength = 4;

/** The rules of Manila, for a directory that reports none. */
export const manilaNames: UserNames = { ownDomains: [] };

/** The backend is not known yet: every name that some directory allows. */
const anyNames: UserNames = { minLength: 1, domainQualified: true, ownDomains: [] };

/**
 * How the directory behind a share names users.
 * @param capabilities undefined while the backend is not known, or was never probed
 * @param server the share's server; its details `domain` and `workgroup` name its domain
 */
export function userNamesOf(
  capabilities: BackendCapabilities | undefined,
  server: Pick<ShareServer, 'status'> | undefined,
): UserNames {
  if (capabilities === undefined) return anyNames;
  const { domain, workgroup } = server?.status?.backendDetails ?? {};
  return { ...capabilities.userNames, ownDomains: [domain, workgroup].filter((name) => name !== undefined) };
}

/** Why the directory can't have such a user, in words that follow the name; undefined for a valid name. */
export function userNameFault(text: string, names: UserNames): string | undefined {
  const minLength = names.minLength ?? usualMinLength;
  const length = [...text].length;
  if (length < minLength || length > 255) return `must have ${minLength} to 255 characters, not ${length}`;
  if (/["/[\]:;|=,+*?<>%]/.test(text)) return 'must not contain any of "/[]:;|=,+*?<>%';
  const [name = '', ...domains] = text.split('\\').reverse();
  if (domains.length > 0 && names.domainQualified !== true)
    return 'must not contain "\\": this backend knows no domains';
  if (domains.length > 1 || name === '' || domains.includes(''))
    return 'may have one "\\", between a domain and a name';
  if (/^\p{Z}|\p{Z}$|\p{Z}\\|\\\p{Z}/u.test(text)) return 'must not begin or end with a space';
  if (/^[-@]|\\[-@]/.test(text)) return 'must not begin with "-" or "@"';
  return /^\.+$/.test(name) ? 'must not consist of dots only' : undefined;
}

/** The canonical spelling of a user: `CORP\Bob`, `bob@corp.test` and `bob` are equal in the domain CORP. */
export function canonicalUser(text: string, names: UserNames): string {
  const spelled = names.caseInsensitive === true ? text.normalize('NFC').toLowerCase() : text;
  if (names.domainQualified !== true) return spelled;
  const [, prefix, after] = /^([^\\]*)\\(.*)$/s.exec(spelled) ?? [];
  const [, before, suffix] = /^([^@]*)@(.*)$/s.exec(spelled) ?? [];
  const domain = prefix ?? suffix;
  const isOwn = names.ownDomains.some((own) => own.toLowerCase() === domain?.toLowerCase());
  return isOwn ? (after ?? before ?? spelled) : spelled;
}
