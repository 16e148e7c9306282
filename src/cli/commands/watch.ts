import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { shareNetworks, shareServers } from '../../api/v1alpha1/resource-types.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import { CommandFailure } from '../command-failure.ts';
import { durationFlag } from '../duration-flag.ts';
import { connected, type Environment } from '../environment.ts';
import { networkName, referenceText } from '../object-reference.ts';
import { plainData } from '../output/data-output.ts';
import { plainText } from '../output/plain-text.ts';
import type { Color } from '../output/terminal.ts';
import type { Session } from '../session.ts';
import { type ChangeEvent, ChangeFollower, type Followed } from '../status/change-follower.ts';

interface Options {
  readonly timeout?: number;
  readonly output?: 'json';
}

/** Adds `watch`. */
export function addWatch(program: Command, environment: Environment): void {
  program
    .command('watch')
    .summary('follow the change of a share network')
    .description(
      'Follows a change of security services until it has ended, one line for each thing that happens; one that was asked for and has not begun is waited for. The exit code is 0 when it succeeded, or when there is none and the network is ready.',
    )
    .argument('<network>', 'name of a share network')
    .addOption(
      new Option('--timeout <duration>', 'give up after this time; the change goes on').argParser(durationFlag),
    )
    .addOption(new Option('-o, --output <format>', 'json: one object a line').choices(['json']))
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet watch net-1 -n team-a
  kubectl apply -f network.yaml && kubectl sharenet watch net-1 --timeout 30m`,
    )
    .action(async (word: string, options: Options, command: Command) => {
      const name = networkName(word);
      await connected(environment, command, (session) => follow(environment, session, name, options));
    });
}

async function follow(
  environment: Environment,
  { client, namespace }: Session,
  name: string,
  options: Options,
): Promise<void> {
  // A wrong name or a missing right is reported at once; a watch would try for ever.
  let network = await client.get(shareNetworks, { namespace, name });
  const fieldSelector = `spec.shareNetworkName=${name}`;
  await client.list(shareServers, { namespace, fieldSelector });
  // Loaded only now, as the client is.
  const [{ createInformer }, { createLogger }] = await Promise.all([
    import('../../runtime/informer.ts'),
    import('../../runtime/logger.ts'),
  ]);
  const logger = createLogger({ level: 'silent', format: 'json' });
  const networks = createInformer(
    client,
    { type: shareNetworks, namespaces: [namespace], fieldSelector: `metadata.name=${name}` },
    { logger },
  );
  const servers = createInformer(client, { type: shareServers, namespaces: [namespace], fieldSelector }, { logger });
  const stop = new AbortController();
  let wake: () => void = () => {};
  // Every version is looked at: a quick change begins and ends between two looks at the cache.
  const versions: ShareNetwork[] = [];
  networks.onEvent(({ object }) => {
    versions.push(object);
    wake();
  });
  servers.onEvent(() => wake());
  networks.start(stop.signal);
  servers.start(stop.signal);
  const follower = new ChangeFollower();
  const deadline = options.timeout === undefined ? Number.POSITIVE_INFINITY : environment.now() + options.timeout;
  const { uid } = network.metadata;
  try {
    await networks.whenSynced(AbortSignal.timeout(firstListMs));
    await servers.whenSynced(AbortSignal.timeout(firstListMs));
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const present = versions.shift() ?? networks.cache.get({ namespace, name });
      if (present === undefined || present.metadata.uid !== uid) {
        throw new CommandFailure(`${referenceText(shareNetworks, name)} was deleted`);
      }
      network = present;
      const over = follower.isOver(network);
      const list = over ? (await client.list(shareServers, { namespace, fieldSelector })).items : servers.cache.list();
      const followed = follower.next(network, list, environment.now(), over);
      for (const event of followed.events) print(environment, network, event, options);
      if (followed.end !== undefined) return end(network, followed);
      if (environment.now() >= deadline) {
        throw new CommandFailure(`${referenceText(shareNetworks, name)}: the change did not end in time; it continues`);
      }
      if (versions.length > 0) continue;
      await Promise.race([changed, sleep(lookMs, undefined, { ref: false })]);
    }
  } finally {
    stop.abort();
  }
}

const firstListMs = 60_000;
/** Events bring news; this is for what only time brings. */
const lookMs = 500;

function end(network: ShareNetwork, { end: how }: Followed): void {
  if (how === 'good') return;
  const { name, namespace } = network.metadata;
  throw new CommandFailure(
    `${referenceText(shareNetworks, name)}: see kubectl sharenet why sharenetwork/${name} -n ${namespace}`,
  );
}

const colors: Readonly<Record<string, Color>> = {
  Succeeded: 'green',
  Failed: 'red',
  Stopped: 'yellow',
  Reset: 'yellow',
  NotAttempted: 'yellow',
};

function print({ terminal, now }: Environment, network: ShareNetwork, event: ChangeEvent, { output }: Options): void {
  const time = new Date(now()).toISOString();
  const { namespace, name } = network.metadata;
  if (output === 'json') {
    terminal.line(JSON.stringify(plainData({ time, namespace, shareNetwork: name, ...event })));
    return;
  }
  const { kind, shareServer, result, message } = event;
  const subject =
    shareServer === undefined ? referenceText(shareNetworks, name) : referenceText(shareServers, shareServer);
  const words = result ?? (kind === 'server' ? 'waits' : kind);
  const shown = result === undefined ? words : terminal.paint(colors[result] ?? 'yellow', words);
  const text = plainText(message);
  terminal.line(`${time.slice(11, 19)}  ${plainText(subject)}  ${shown}${text === '' ? '' : `: ${text}`}`);
}
