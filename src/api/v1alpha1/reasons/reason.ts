import { isOwnReason, type OwnReason } from './catalogue.ts';

declare const ofDriver: unique symbol;

/** A reason that a storage driver gives: a CamelCase word that is not in the catalogue. */
export type DriverReason = string & { readonly [ofDriver]: true };

/** A reason of a condition or an event. */
export type Reason = OwnReason | DriverReason;

/** Reasons with the same meaning and remedy, whether the operator or a driver gives them. */
const shared: ReadonlySet<OwnReason> = new Set<OwnReason>([
  'DriverError',
  'DriverFault',
  'Incompatible',
  'NotImplemented',
  'OperationTimeout',
  'SecurityServiceTypeNotSupported',
  'SecurityServiceUpdateNotSupported',
]);

function isDriverReason(text: string): text is DriverReason {
  return /^[A-Z][A-Za-z0-9]{0,62}$/.test(text) && !isOwnReason(text);
}

/**
 * A driver's reason as the operator shows it. A driver's reason with the name of one of ours, which would have the wrong remedy, gets
 * the prefix `Driver`.
 * @param otherwise the reason where the text is not a CamelCase word
 */
export function driverReason(text: string, otherwise: OwnReason = 'DriverError'): Reason {
  if (!isOwnReason(text)) return isDriverReason(text) ? text : otherwise;
  const prefixed = `Driver${text}`;
  return !shared.has(text) && isDriverReason(prefixed) ? prefixed : text;
}

/** The reason of a stored condition, or of an error that is presentable already: one of ours, or a driver's. */
export function toReason(text: string): Reason {
  return isOwnReason(text) || isDriverReason(text) ? text : 'DriverError';
}
