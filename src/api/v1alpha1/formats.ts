/**
 * Formats of texts and lists that several kinds share. The JSDoc tags become the validation in the CRDs; to TypeScript these are
 * plain strings.
 *
 * No text that reaches a directory, a configuration file or a path may begin with `-`, `@` or white space (an option, a group
 * in smb.conf, a folded line) or hold a control character or `%` (a substitution in smb.conf and in mount options), nor a
 * character that is invisible or turns text around: it would look like another name.
 */

// Formats that the configurations of drivers use, too.
export type { CIDR, Duration, LabelName, ResourceName } from '../../values/formats.ts';

/**
 * UID of a Kubernetes object.
 *
 * @maxLength 128
 */
export type UID = string;

/**
 * Key in the data of a Secret.
 *
 * @minLength 1
 * @maxLength 253
 * @pattern ^[-._a-zA-Z0-9]+$
 * @patternMessage must be letters, digits, "-", "_" and "."
 */
export type SecretKey = string;

/**
 * Name of an availability zone.
 *
 * @minLength 1
 * @maxLength 63
 * @pattern ^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$
 * @patternMessage must be letters, digits, "-", "_" and ".", with a letter or digit at both ends
 */
export type AvailabilityZone = string;

/**
 * IPv4 or IPv6 address.
 *
 * @maxLength 45
 * @x-kubernetes-validations [
 *   {rule: "isIP(self)", message: "must be an IPv4 or IPv6 address without leading zeros and without a zone"},
 * ]
 */
export type IPAddress = string;

/**
 * Server of a directory: host name or address, with a port where the service is not on its usual one; of an LDAP server also as a URL of
 * the scheme ldap or ldaps.
 *
 * @minLength 1
 * @maxLength 255
 * @pattern ^(ldaps?://)?[A-Za-z0-9:\[][-A-Za-z0-9._:\[\]]*$
 * @patternMessage must be a host name or an address, with a port where needed: letters, digits, "-", "_", ".", ":" and brackets, beginning with a letter, digit, ":" or "[", with ldap:// or ldaps:// before it for an LDAP server
 */
export type DirectoryServer = string;

/**
 * Certificates in PEM, one after the other.
 *
 * @minLength 1
 * @maxLength 16384
 * @pattern ^\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*)+$
 * @patternMessage must be certificates in PEM and nothing else
 */
export type Certificates = string;

/**
 * Text that reaches a directory or a configuration file: no control characters, none that are invisible or turn text around, no `%`,
 * not beginning with `-`, `@` or white space.
 *
 * @minLength 1
 * @maxLength 255
 * @pattern ^[^-@%\p{Z}\p{Cc}\p{Cf}][^%\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$
 * @patternMessage must not begin with "-", "@" or white space, nor contain "%", control characters or invisible ones
 */
export type ConfigurationText = string;

/**
 * Amount of bytes as Kubernetes writes it, for example `10Gi`, `500M` or a number.
 *
 * @maxLength 32
 * @pattern ^([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+]?[0-9]+|[kMGTPE]|[KMGTPE]i)?$
 * @patternMessage must be a number of bytes, or one with a unit: k, M, G, T, P, E for powers of 1000, Ki, Mi, Gi, Ti, Pi, Ei of 1024, such as 10Gi
 * @x-kubernetes-int-or-string true
 */
export type Quantity = string | number;

/**
 * Amount of bytes as a quantity.
 *
 * @maxLength 32
 */
export type QuantityText = string;

/**
 * Text for people; Sharenet does nothing with it.
 *
 * @maxLength 1024
 */
export type Description = string;

/**
 * Time in RFC 3339, UTC.
 *
 * @format date-time
 * @maxLength 64
 */
export type Time = string;

/**
 * Token of a request that was made by an annotation.
 *
 * @maxLength 256
 */
export type RequestToken = string;

/**
 * Short text that the operator makes: an identifier, a digest, a reason.
 *
 * @maxLength 1024
 */
export type OperatorText = string;

/**
 * Explanation for people, possibly with a driver's words.
 *
 * @maxLength 32768
 */
export type Message = string;

/**
 * Text of a storage driver, for example an identifier or a path.
 *
 * @maxLength 4096
 */
export type DriverText = string;
