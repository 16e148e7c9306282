/** A field's new value, or null to remove the field, by the field's name. */
export type Change = Readonly<Record<string, unknown>>;

/** One rule of a CustomResourceDefinition that looks at one object: specs that it lets pass and specs that it refuses. */
export interface FormatCase {
  readonly kind: string;
  /** How the rule's message begins; together the cases must have every rule of every kind. */
  readonly message: string;
  /** Changes of the kind's valid spec, see `valid-specs.ts`. */
  readonly accepted: readonly Change[];
  readonly refused: readonly Change[];
}

/** One rule that compares an object with its predecessor: changes of the spec that it lets pass and that it refuses. */
export interface TransitionCase extends FormatCase {
  /** Changes of the kind's valid spec before. */
  readonly before?: Change;
  /** Status before. */
  readonly status?: Change;
}
