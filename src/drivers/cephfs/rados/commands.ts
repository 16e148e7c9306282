/** Who carries out a command. */
export type CommandTarget =
  | { readonly daemon: 'mon' }
  | { readonly daemon: 'mgr' }
  /** One metadata server, by its GID or name. */
  | { readonly daemon: 'mds'; readonly name: string };

/** One command, as the daemons take it: a JSON object with its `prefix` and arguments. */
export interface CephCommand {
  readonly prefix: string;
  readonly [argument: string]: unknown;
}

/** What a daemon answered. Only the code decides; texts are for the log of an administrator. */
export interface CommandResult {
  /** 0, or a negative errno. */
  readonly code: number;
  /** Standard output of the command, UTF-8. */
  readonly output: string;
  /** Status text, never shown to a tenant. */
  readonly status: string;
}

/** How long one command may take and what ends it early. */
export interface CommandBounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Commands to one Ceph cluster.
 * @throws DriverError `Unavailable` where no daemon answers within the bounds, the library is missing, or the login fails
 */
export interface CephCommands {
  run(target: CommandTarget, command: CephCommand, bounds: CommandBounds): Promise<CommandResult>;
  /** The cluster's fsid. */
  fsid(bounds: CommandBounds): Promise<string>;
  close(): Promise<void>;
}
