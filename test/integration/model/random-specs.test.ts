import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { chooseSeed } from '../crash/seeded-random.ts';
import { TestCluster } from '../test-cluster.ts';
import { type InForce, judge, rulesInForce, type Verdict } from './expectation.ts';
import { type Step, step } from './steps.ts';
import { World } from './world.ts';

/** `MODEL_STEPS` in the environment asks for another number; nightly it is 10,000. */
const steps = Number(process.env.MODEL_STEPS ?? 500);
/** After so many the operator gets time to become idle, and everything is compared with the model. */
const stepsPerRound = 12;
const idleTimeoutMs = 120_000;
const nudgeMs = 2500;

describe('an operator whose objects are created, edited, deleted, reset and disturbed at random', () => {
  let cluster: TestCluster;
  let world: World;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    world = await World.make(cluster);
  }, 180_000);

  afterAll(async () => {
    await world?.stop();
    await cluster?.stop();
  });

  test(`comes to what the model says after each of ${steps} steps in rounds`, {
    timeout: 120_000 + steps * 2000,
  }, async () => {
    const seed = chooseSeed(process.env.MODEL_STEPS === undefined ? 31 : undefined);
    console.info(`TEST_SEED=${seed} MODEL_STEPS=${steps} repeats these steps`);
    const sequence = fc.sample(step, { seed, numRuns: steps });
    const said: Record<string, number> = {};
    let inForce: InForce = new Set();
    for (let from = 0; from < steps; from += stepsPerRound) {
      const round = sequence.slice(from, from + stepsPerRound);
      for (const each of round) await world.do(each);
      await world.calm();
      let verdict: Verdict = { problems: ['not looked at'], said: {} };
      let nudgeAt = Date.now();
      await eventually(
        'as the model says',
        async () => {
          const observed = await world.observe();
          verdict = judge(observed, inForce);
          if (verdict.problems.length === 0) {
            inForce = rulesInForce(observed);
            return true;
          }
          if (Date.now() >= nudgeAt) {
            await world.nudge();
            nudgeAt = Date.now() + nudgeMs;
          }
          return false;
        },
        idleTimeoutMs,
      ).catch(() => {
        throw new Error(
          `after step ${from + round.length} with TEST_SEED=${seed} MODEL_STEPS=${steps}:\n${verdict.problems.join('\n')}\n` +
            `the last steps were:\n${round.map((each: Step) => JSON.stringify(each)).join('\n')}`,
        );
      });
      for (const [what, count] of Object.entries(verdict.said)) said[what] = (said[what] ?? 0) + count;
    }
    console.info(JSON.stringify({ said, steps: Object.fromEntries(world.counts) }));
    // The model must know the answer where things are used, and the API server must take most of what is tried.
    for (const what of ['network yes', 'share yes', 'share no', 'rule yes', 'rule no'])
      expect(said[what], what).toBeGreaterThan(0);
  });
});
