import type { KubeObject } from './kube-object.ts';

type Matcher = (object: KubeObject) => boolean;

/**
 * Compiles label and field selectors as the API server reads them, so that an object we wrote can be told to belong to a cache or
 * not. A field selector names any path of strings, numbers or booleans of the object.
 *
 * @throws TypeError for a selector that can not be read.
 */
export function compileSelector(selectors: {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}): Matcher {
  const matchers = [
    ...requirements(selectors.labelSelector).map(labelMatcher),
    ...requirements(selectors.fieldSelector).map(fieldMatcher),
  ];
  return (object) => matchers.every((matches) => matches(object));
}

/** Splits at the commas outside of parentheses. */
function requirements(selector: string | undefined): string[] {
  return (selector ?? '')
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function labelMatcher(requirement: string): Matcher {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(requirement);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    const wanted = operator === 'in';
    return (object) => {
      const value = object.metadata.labels?.[key];
      return value === undefined ? !wanted : values.includes(value) === wanted;
    };
  }
  const comparison = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(requirement);
  if (comparison) {
    const [, key = '', operator, expected = ''] = comparison;
    return (object) => (object.metadata.labels?.[key] === expected) === (operator !== '!=');
  }
  const existence = /^(!?)\s*([^\s=!(),]+)$/.exec(requirement);
  if (!existence) throw new TypeError(`label selector ${JSON.stringify(requirement)} can not be read`);
  const [, not, key = ''] = existence;
  return (object) => (object.metadata.labels?.[key] === undefined) === (not === '!');
}

function fieldMatcher(requirement: string): Matcher {
  const comparison = /^([\w.]+)(==|=|!=)(.*)$/.exec(requirement);
  if (!comparison) throw new TypeError(`field selector ${JSON.stringify(requirement)} can not be read`);
  const [, path = '', operator, expected = ''] = comparison;
  const steps = path.split('.');
  return (object) => (fieldValue(object, steps) === expected) === (operator !== '!=');
}

/** A missing field reads as the empty string, as in the API server. */
function fieldValue(object: unknown, steps: readonly string[]): string {
  let value: unknown = object;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return '';
    value = Object.getOwnPropertyDescriptor(value, step)?.value;
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
