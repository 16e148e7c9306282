import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

function drain(turns: Turns<string>, mayTake?: (namespace: string) => boolean): string[] {
  const items: string[] = [];
  for (let item = turns.shift(mayTake); item !== undefined; item = turns.shift(mayTake)) items.push(item);
  return items;
}

describe('turns', () => {
  it('go round the namespaces, and within one first in, first out', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) turns.add(item.slice(0, 1), item);
    expect([turns.size, turns.sizeOf('a'), turns.sizeOf('z')]).toEqual([6, 3, 0]);
    expect(drain(turns)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
    expect([turns.size, turns.shift()]).toEqual([0, undefined]);
  });

  it('pass over a namespace that may have none', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'b1', 'a2']) turns.add(item.slice(0, 1), item);
    expect(drain(turns, (namespace) => namespace !== 'a')).toEqual(['b1']);
    expect(drain(turns)).toEqual(['a1', 'a2']);
  });

  it('forget what is removed, also the next one, which comes last when it is added again', () => {
    const turns = new Turns<string>();
    for (const item of ['a1', 'a2', 'a3']) turns.add('a', item);
    expect(turns.shift()).toBe('a1');
    expect([turns.delete('a', 'a2'), turns.delete('a', 'a2'), turns.delete('b', 'a2')]).toEqual([true, false, false]);
    turns.add('a', 'a2');
    expect(drain(turns)).toEqual(['a3', 'a2']);
  });

  it('serve 100,000 items of one namespace in a time that a Set alone would not: it walks over the places of what is gone', () => {
    const turns = new Turns<string>();
    for (let index = 0; index < 100_000; index++) turns.add('a', `k${index}`);
    const began = performance.now();
    expect(drain(turns)).toHaveLength(100_000);
    expect(performance.now() - began).toBeLessThan(1_500);
  });
});
