import { nameList } from '../values/name-list.ts';

/** Values of a backend's identity fields, as JSON by field name; a field that was not set is absent. */
export type RecordedIdentity = Readonly<Record<string, string>>;

/**
 * Puts a configuration's identity fields back to what was recorded: changing them while the backend is in use would orphan data.
 * @param recorded undefined: nothing to keep
 */
export function keepIdentity(
  config: unknown,
  identityFields: readonly string[],
  recorded: RecordedIdentity | undefined,
): { readonly config: unknown; readonly identity: RecordedIdentity; readonly refusedFields: readonly string[] } {
  const values = new Map<string, unknown>(typeof config === 'object' && config !== null ? Object.entries(config) : []);
  const requested = identityOf(values, identityFields);
  if (recorded === undefined) return { config, identity: requested, refusedFields: [] };
  const refusedFields = identityFields.filter((field) => requested[field] !== recorded[field]);
  if (refusedFields.length === 0) return { config, identity: requested, refusedFields };
  for (const field of refusedFields) {
    const text = recorded[field];
    if (text === undefined) values.delete(field);
    else values.set(field, JSON.parse(text));
  }
  return { config: Object.fromEntries(values), identity: identityOf(values, identityFields), refusedFields };
}

/** Says that identity fields can't change: where, and what is in the way. `users` names what is on the backend. */
export function identityRefusal(member: string, fields: readonly string[], users: readonly string[]): string {
  const paths = fields.map((field) => `spec.${member}.${field}`);
  return `${nameList(paths)} can't change while the backend is in use by ${nameList(users)}`;
}

function identityOf(values: ReadonlyMap<string, unknown>, identityFields: readonly string[]): RecordedIdentity {
  const identity: Record<string, string> = {};
  for (const field of identityFields) {
    const value = values.get(field);
    if (value !== undefined) identity[field] = JSON.stringify(value);
  }
  return identity;
}
