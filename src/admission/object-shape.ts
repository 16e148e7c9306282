import { z } from 'zod';
import { apiGroup } from '../api/v1alpha1/resource-types.ts';
import type { AdmissionRequest } from './admission-review.ts';
import shapes from './object-shapes.json' with { type: 'json' };
import type { Verdict } from './verdict.ts';

/** By resource, made at their first use. */
const schemas = new Map<string, z.ZodType>();

/** Refuses a write whose objects are not nested as the schema of their kind says: validators are not made for such. */
export function shapeRefusal(request: AdmissionRequest): Verdict | undefined {
  const { group, resource } = request.resource;
  if (group !== apiGroup || request.subResource) return undefined;
  if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return undefined;
  const problem =
    shapeProblem(resource, request.object) ??
    (request.operation === 'UPDATE' ? shapeProblem(resource, request.oldObject) : undefined);
  if (problem === undefined) return undefined;
  return { allowed: false, code: 422, reason: 'Invalid', message: `not a valid object of ${resource}: ${problem}` };
}

/**
 * Says what of an object is not nested as the schema of its kind says: a field of another type, a missing one, a list that is too long.
 * The API server has checked what it sends; others who reach the webhook send anything.
 * @param resource the plural name of the kind
 * @returns one line without anything of what was sent; undefined where nothing is wrong, or the kind is not known
 */
export function shapeProblem(resource: string, object: unknown): string | undefined {
  const schema = schemaOf(resource);
  const issue = schema?.safeParse(object).error?.issues[0];
  if (issue === undefined) return undefined;
  const place = issue.path.filter((part) => typeof part === 'number' || /^\w+$/.test(String(part))).join('.');
  // The messages of zod name types and numbers of the schema; those of other codes may quote.
  const what = issue.code === 'invalid_type' || issue.code === 'too_big' ? issue.message : 'not valid';
  return `${place === '' ? 'the object' : place}: ${what}`;
}

function schemaOf(resource: string): z.ZodType | undefined {
  const present = schemas.get(resource);
  if (present !== undefined || !Object.hasOwn(shapes, resource)) return present;
  // Checked by the generator's tests; the type of the JSON is too narrow for a JSON Schema.
  const schema = z.fromJSONSchema(shapes[resource as keyof typeof shapes] as z.core.JSONSchema.JSONSchema);
  schemas.set(resource, schema);
  return schema;
}
