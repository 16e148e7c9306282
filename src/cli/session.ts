import type { ApiClient, WatchClient } from '../runtime/api-client.ts';
import type { Transport } from '../runtime/transport.ts';
import { version } from '../version.ts';
import { CommandFailure, UsageError } from './command-failure.ts';
import type { Terminal } from './output/terminal.ts';

/** Flags that say which cluster, which namespace, and as whom. */
export interface ConnectionFlags {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly as?: string | undefined;
  readonly asGroup?: readonly string[] | undefined;
  /** Milliseconds; 0: none. */
  readonly requestTimeout?: number | undefined;
}

/** A connection with the user's own rights. */
export interface Session {
  readonly client: ApiClient & WatchClient;
  /** The one that was asked for, else the context's. */
  readonly namespace: string;
  /** The last lines of a container's log. @throws ApiError */
  podLog(namespace: string, pod: string, options: PodLogOptions): Promise<string>;
}

export interface PodLogOptions {
  readonly container: string;
  readonly lines: number;
  /** Of the container before its last restart. */
  readonly previous: boolean;
}

/** Flux takes back what was written under a name that begins with kubectl: a pause is to last. */
const fieldManager = 'sharenet-plugin';

/**
 * Runs something with a connection, which is ended afterwards.
 * @throws CommandFailure when the kubeconfig can't be used
 */
export async function withSession(
  flags: ConnectionFlags,
  terminal: Terminal,
  run: (session: Session) => Promise<void>,
): Promise<void> {
  if (flags.as === undefined && flags.asGroup !== undefined) throw new UsageError('--as-group needs --as');
  // Loaded only now: they cost most of the start, and wrong usage or --help need none of them.
  const [{ loadKubeConfig }, { HttpApiClient }, { Transport }, { createLogger }] = await Promise.all([
    import('../runtime/kube-config.ts'),
    import('../runtime/api-client.ts'),
    import('../runtime/transport.ts'),
    import('../runtime/logger.ts'),
  ]);
  const kubeConfig = readable(() => loadKubeConfig(flags.kubeconfig, flags.context));
  if (kubeConfig.getCurrentCluster() === null) {
    throw new CommandFailure('the kubeconfig has no current context with a cluster: name one with --context');
  }
  const transport = new Transport({
    kubeConfig,
    userAgent: `kubectl-sharenet/${version}`,
    logger: createLogger({
      level: 'warn',
      format: 'json',
      destination: { write: (line) => tellWarning(terminal, line) },
    }),
    ...(flags.requestTimeout !== undefined && { requestTimeoutMs: flags.requestTimeout }),
    ...(flags.as !== undefined && { impersonate: { user: flags.as, groups: flags.asGroup ?? [] } }),
  });
  const client = new HttpApiClient(transport, fieldManager);
  try {
    const context = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
    await run({
      client,
      namespace: flags.namespace ?? (context?.namespace || 'default'),
      podLog: (namespace, pod, options) => readLog(transport, namespace, pod, options),
    });
  } finally {
    await client.close();
  }
}

/** A log is text, and the client reads objects. */
async function readLog(
  transport: Transport,
  namespace: string,
  pod: string,
  { container, lines, previous }: PodLogOptions,
): Promise<string> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`;
  const query = {
    container,
    tailLines: String(lines),
    limitBytes: String(logLimitBytes),
    previous: previous ? 'true' : undefined,
  };
  const request = { method: 'GET', path, query, verb: 'get', resource: 'pods/log' } as const;
  const chunks: Buffer[] = [];
  for await (const chunk of await transport.stream(request, logIdleMs)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const logLimitBytes = 16 * 1024 * 1024;
const logIdleMs = 30_000;

function readable<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    // The rest of a parser's message quotes the file, and with it possibly a token.
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new CommandFailure(`the kubeconfig can not be used: ${line}`);
  }
}

/** The runtime logs the API server's warnings: these are for the user, the rest shows in what fails. */
function tellWarning(terminal: Terminal, line: string): void {
  const { warning }: { readonly warning?: unknown } = JSON.parse(line);
  if (typeof warning === 'string') terminal.tell(`Warning: ${/^\d+ \S+ "(.*)"$/.exec(warning)?.[1] ?? warning}`);
}
