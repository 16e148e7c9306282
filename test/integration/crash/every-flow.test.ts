import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import type { RecordedCall } from '../test-cluster.ts';
import { FlowRig, operationID } from './flow-rig.ts';
import { type Asked, type Flow, flows } from './flows.ts';
import { chooseSeed, seededRandom } from './seeded-random.ts';

/** `FAULTS=all` in the environment: every point of every flow; else one of each sort, chosen by the seed. */
const all = process.env.FAULTS === 'all';
const seed = chooseSeed(all ? undefined : 31);
const random = seededRandom(seed);
const settleMs = 90_000;
/** Of the points of a sample so many are tried: what all runs together try is all of them. */
const sampleShare = 0.2;
/** Nothing that the operator does takes more steps. */
const mostPoints = 60;

/** Where the operator dies, at the n-th of them. */
const moments = {
  'before a write is stored': killAtWrite('before'),
  'after a write is stored, which it does not learn': killAtWrite('after'),
  'in a driver call': killInCall,
} as const;

type Moment = (typeof moments)[keyof typeof moments];

/** Arranges that the operator is killed at that point. */
interface Trap {
  /** Whether it has been killed; it is dead when that resolves. */
  readonly sprung: () => Promise<boolean>;
}

function killAtWrite(moment: 'before' | 'after'): (rig: FlowRig, point: number) => Promise<Trap> {
  return async (rig, point) => {
    let writes = 0;
    let death: Promise<void> | undefined;
    rig.proxy.decide = ({ isWrite }) => {
      if (death !== undefined) return 'cut';
      if (!isWrite) return 'pass';
      writes += 1;
      if (writes < point) return 'pass';
      if (moment === 'before') death = rig.kill();
      else death = new Promise((resolve) => setTimeout(resolve, 100)).then(() => rig.kill());
      return moment === 'before' ? 'cut' : 'cut-answer';
    };
    return {
      sprung: async () => {
        await death;
        return death !== undefined;
      },
    };
  };
}

async function killInCall(rig: FlowRig, point: number): Promise<Trap> {
  const isStart = ({ event }: RecordedCall): boolean => event === 'start';
  const before = (await rig.calls()).filter(isStart).length;
  let dead = false;
  return {
    sprung: async () => {
      if (!dead && (await rig.calls()).filter(isStart).length >= before + point) {
        await rig.kill();
        dead = true;
      }
      return dead;
    },
  };
}

describe('an operator that is killed at any point', () => {
  let rig: FlowRig;
  let rounds = 0;

  beforeAll(async () => {
    rig = await FlowRig.make();
  }, 180_000);

  afterAll(async () => {
    await rig?.stop();
  });

  /** @returns whether the flow was interrupted */
  async function interrupt(flow: Flow, moment: Moment, point: number): Promise<boolean> {
    rounds += 1;
    const round = `r${rounds}`;
    await flow.prepare?.(rig, round);
    const callsBefore = (await rig.calls()).length;
    const trap = await moment(rig, point);
    const asked = await flow.ask(rig, round);
    await eventually('killed or done', async () => (await trap.sprung()) || (await asked.isDone()), settleMs);
    const killed = await trap.sprung();
    if (killed) await rig.revive();
    else rig.proxy.decide = () => 'pass';
    await eventually('done', asked.isDone, settleMs);
    const calls = (await rig.calls()).slice(callsBefore);
    expect(doubledEffects(calls, asked, killed), 'effects that a second call had').toEqual([]);
    await flow.tidy?.(rig, round);
    return killed;
  }

  for (const flow of flows) {
    for (const [name, moment] of Object.entries(moments)) {
      const points = moment === killInCall ? flow.calls : flow.writes;
      const sampled = 1 + Math.floor(random() * points);
      if (points === 0 || (!all && random() > sampleShare)) continue;
      test(`${flow.name}, killed ${name}: ${all ? 'each' : `number ${sampled}, TEST_SEED=${seed}`}`, {
        timeout: all ? mostPoints * 60_000 : 300_000,
      }, async () => {
        if (!all) {
          await interrupt(flow, moment, sampled);
          return;
        }
        let point = 1;
        while (await interrupt(flow, moment, point)) {
          point += 1;
          expect(point).toBeLessThan(mostPoints);
        }
        expect(point, 'points at which it was killed').toBeGreaterThan(1);
      });
    }
  }
});

/**
 * Calls that took effect though the same was done before: an operation of another id, or one that is repeated without a kill in
 * between. A repeated call of one id after a kill is what drivers are made for.
 */
function doubledEffects(calls: readonly RecordedCall[], { effects }: Asked, killed: boolean): readonly string[] {
  const succeeded = calls.filter(({ result }) => result === 'ok');
  const problems: string[] = [];
  for (const [operation, made] of Map.groupBy(succeeded, (call) => call.operation)) {
    const ids = Map.groupBy(made, operationID);
    const expected = effects[operation] ?? 0;
    if (ids.size > expected) problems.push(`${operation}: ${[...ids.keys()].join()}, expected ${expected}`);
    for (const [id, repeated] of ids) {
      if (repeated.length > (killed ? 2 : 1)) problems.push(`${operation} ${id}: ${repeated.length} times`);
    }
  }
  return problems;
}
