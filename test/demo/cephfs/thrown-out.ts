import { secrets } from '../../../src/runtime/core-types.ts';
import type { Stage } from '../stage.ts';
import { StoryClient } from './story-client.ts';

/** Access is lowered and taken away from clients that have the share mounted. */
export async function throwClientsOut(stage: Stage): Promise<void> {
  const { screen } = stage;
  screen.say('The id has both of its shares mounted:');
  const [scratch, results] = [
    await StoryClient.of(stage, 'scratch-batch'),
    await StoryClient.of(stage, 'results-batch'),
  ];
  await scratch.mount();
  await results.mount();
  screen.say(
    'While it writes to "scratch" over and over, the tenant lowers its level to ro. A client would keep what it has opened, ' +
      'so the operator throws it out:',
  );
  await scratch.isThrownOut(() =>
    stage.tenant(`kubectl patch shareaccess scratch-batch --type=merge -p '{"spec":{"accessLevel":"ro"}}'`),
  );
  await stage.tenant("kubectl wait shareaccess/scratch-batch --for=jsonpath='{.status.accessLevel}'=ro --timeout=60s");
  screen.say('With the same key it may mount again, to read:');
  await scratch.mount();
  await scratch.run('read /report');
  await scratch.isRefused('write /report changed');

  screen.say('Back to rw, and then the rule is deleted:');
  await stage.tenant(`kubectl patch shareaccess scratch-batch --type=merge -p '{"spec":{"accessLevel":"rw"}}'`);
  await stage.tenant("kubectl wait shareaccess/scratch-batch --for=jsonpath='{.status.accessLevel}'=rw --timeout=60s");
  await scratch.mount();
  await scratch.isThrownOut(() => stage.tenant('kubectl delete shareaccess scratch-batch'));
  await scratch.mountIsRefused();
  const left = (await stage.list(secrets)).map(({ metadata }) => metadata.name);
  stage.expect('the Secret is gone with the rule', !left.includes('scratch-batch-access-key'));

  screen.say('What the same id has mounted of its other share went on all the while:');
  await results.run('write /figures 43');
  stage.expect('the other share is served', (await results.run('read /figures')) === '43');
  await Promise.all([scratch.unmount(), results.unmount()]);
}
