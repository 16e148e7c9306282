import type { ApiClient } from '../runtime/api-client.ts';
import { CommandFailure, UsageError } from './command-failure.ts';
import type { Terminal } from './terminal.ts';

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
  readonly client: ApiClient;
  /** The one that was asked for, else the context's. */
  readonly namespace: string;
}

const fieldManager = 'kubectl-sharenet';

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
  const [{ loadKubeConfig }, { createApiClient }, { createLogger }] = await Promise.all([
    import('../runtime/kube-config.ts'),
    import('../runtime/api-client.ts'),
    import('../runtime/logger.ts'),
  ]);
  const kubeConfig = readable(() => loadKubeConfig(flags.kubeconfig, flags.context));
  if (kubeConfig.getCurrentCluster() === null) {
    throw new CommandFailure('the kubeconfig has no current context with a cluster: name one with --context');
  }
  const client = createApiClient({
    kubeConfig,
    fieldManager,
    userAgent: fieldManager,
    logger: createLogger({
      level: 'warn',
      format: 'json',
      destination: { write: (line) => tellWarning(terminal, line) },
    }),
    ...(flags.requestTimeout !== undefined && { requestTimeoutMs: flags.requestTimeout }),
    ...(flags.as !== undefined && { impersonate: { user: flags.as, groups: flags.asGroup ?? [] } }),
  });
  try {
    const context = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
    await run({ client, namespace: flags.namespace ?? (context?.namespace || 'default') });
  } finally {
    await client.close();
  }
}

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
