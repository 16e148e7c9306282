/**
 * Formats of texts in fields of the API and in configurations of drivers. The JSDoc tags become the validation in the CRDs; to
 * TypeScript these are plain strings.
 */

/**
 * Name of a Kubernetes object (RFC 1123 subdomain).
 *
 * @minLength 1
 * @maxLength 253
 * @pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$
 * @patternMessage must be the name of an object: lower-case letters, digits, "-" and ".", with a letter or digit at both ends and beside each "."
 */
export type ResourceName = string;

/**
 * Short name (RFC 1123 label).
 *
 * @minLength 1
 * @maxLength 63
 * @pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$
 * @patternMessage must be lower-case letters, digits and "-", with a letter or digit at both ends
 */
export type LabelName = string;

/**
 * IPv4 or IPv6 network in CIDR notation.
 *
 * @maxLength 49
 * @x-kubernetes-validations [{
 *   rule: "isCIDR(self) && cidr(self) == cidr(self).masked()",
 *   message: "must be a network in CIDR notation without host bits, for example 10.0.0.0/24 or 2001:db8::/64",
 * }]
 */
export type CIDR = string;

/**
 * Duration as Go writes it, for example `150ms`, `60s` or `1h30m`.
 *
 * @maxLength 32
 * @pattern ^(0|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$
 * @patternMessage must be a duration: numbers with a unit each (ns, us, ms, s, m, h), such as 90s, 15m or 1h30m
 */
export type Duration = string;
