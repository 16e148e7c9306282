import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { version } from '../version.ts';

/** A wrong flag or environment variable; its message is one line that names it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const bindAddress = z
  .string()
  .refine(isBindAddress, 'must be host:port, [IPv6 address]:port, :port, or 0 to switch it off');
const boolean = z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true');
const positive = z
  .string()
  .regex(/^\d{1,6}$/, 'must be a whole number')
  .transform(Number)
  .refine((value) => value >= 1, 'must be at least 1');
const namespaceName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be the name of a namespace');

/** Every flag: its schema, default, and one line for `--help`. */
const flags = {
  kubeconfig: {
    schema: z.string().min(1),
    fallback: undefined,
    help: 'kubeconfig file; default: KUBECONFIG, then the Pod, then ~/.kube/config',
  },
  namespace: { schema: namespaceName, fallback: 'sharenet-system', help: "the operator's own namespace" },
  'watch-namespaces': {
    schema: z
      .string()
      .transform((text) => [...new Set(text.split(',').map((name) => name.trim()))])
      .pipe(z.array(namespaceName)),
    fallback: undefined,
    help: 'comma-separated namespaces to reconcile; default: all',
  },
  'leader-elect': {
    schema: boolean,
    fallback: 'false',
    help: 'reconcile only while holding the lease (for several replicas)',
  },
  'leader-election-lease-duration': {
    schema: positive,
    fallback: '15',
    help: 'seconds after which another replica may take over',
  },
  'installation-id': {
    schema: z.string().regex(/^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$/, 'must be 1-63 letters, digits, -, _ or .'),
    fallback: undefined,
    help: 'identity on storage systems; default: the UID of namespace kube-system',
  },
  'driver-files': {
    schema: z
      .string()
      .transform((text) => [...new Set(text.split(',').map((path) => path.trim()))])
      .pipe(z.array(z.string().min(1, 'must be files, separated by commas'))),
    fallback: undefined,
    help: 'comma-separated files of vendor drivers; they run with the rights of the operator',
  },
  'write-backend-status': {
    schema: boolean,
    fallback: undefined,
    help: 'write the status of StorageBackends; default: true without --watch-namespaces',
  },
  'require-credential-destinations': {
    schema: boolean,
    fallback: 'false',
    help: 'use only tenant Secrets that name the destinations of their password',
  },
  'metrics-bind-address': { schema: bindAddress, fallback: ':8080', help: 'address of /metrics; 0: off' },
  'health-probe-bind-address': {
    schema: bindAddress,
    fallback: ':8081',
    help: 'address of /healthz and /readyz; 0: off',
  },
  'webhook-mode': {
    schema: z.enum(['service', 'url', 'off'], 'must be service, url or off'),
    fallback: 'off',
    help: 'validating webhook: service (config/webhook), url (registers itself), off',
  },
  'webhook-port': {
    schema: positive.refine((port) => port <= 65_535, 'must be a port'),
    fallback: '9443',
    help: 'port of the validating webhook',
  },
  'max-concurrent-reconciles': { schema: positive, fallback: '10', help: 'workers of each controller' },
  'log-level': {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error'], 'must be trace, debug, info, warn or error'),
    fallback: 'info',
    help: 'trace, debug, info, warn or error',
  },
  'log-format': {
    schema: z.enum(['json', 'pretty'], 'must be json or pretty'),
    fallback: 'json',
    help: 'json or pretty',
  },
} as const satisfies Record<string, { schema: z.ZodType; fallback: string | undefined; help: string }>;

type FlagName = keyof typeof flags;
type FlagValue<N extends FlagName> = (typeof flags)[N]['fallback'] extends string
  ? z.infer<(typeof flags)[N]['schema']>
  : z.infer<(typeof flags)[N]['schema']> | undefined;

/** The operator's configuration, by flag. */
export type Config = { readonly [N in FlagName]: FlagValue<N> };

/** What the command line asks for: the operator, or only a text. */
export type Invocation =
  | { readonly kind: 'run'; readonly config: Config }
  | { readonly kind: 'text'; readonly text: string };

/** Environment variable of a flag. */
function variableOf(flag: string): string {
  return `SHARENET_${flag.replaceAll('-', '_').toUpperCase()}`;
}

/**
 * The value of a flag's variable. An empty one counts as not set. Kubernetes gives every Pod variables of the services in its
 * namespace: that of a service "sharenet-webhook" has the name of a flag's variable and is none.
 */
function fromEnvironment(environment: NodeJS.ProcessEnv, flag: string): string | undefined {
  const value = environment[variableOf(flag)];
  if (value === '' || (flag.endsWith('-port') && /^(tcp|udp|sctp):\/\//.test(value ?? ''))) return undefined;
  return value;
}

/** Whether a text is `0`, `:port`, `host:port` or `[IPv6 address]:port`. */
function isBindAddress(text: string): boolean {
  if (text === '0') return true;
  const parts = /^(?:\[([^\]]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  return parts !== null && Number(parts[3]) <= 65_535 && (parts[1] === undefined || isIPv6(parts[1]));
}

/**
 * Reads the configuration: a flag, else its environment variable, else its default.
 * @throws ConfigError for an unknown flag or a wrong value
 */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): Invocation {
  const given = parse(args);
  if (given.asked === 'help') return { kind: 'text', text: helpText() };
  if (given.asked === 'version') return { kind: 'text', text: version };
  const config: Record<string, unknown> = {};
  for (const [name, { schema, fallback }] of Object.entries(flags)) {
    const fromFlag = given.values.get(name);
    const text = fromFlag ?? fromEnvironment(environment, name) ?? fallback;
    if (text === undefined) {
      config[name] = undefined;
      continue;
    }
    const result = schema.safeParse(text);
    if (!result.success) {
      const where = fromFlag === undefined ? variableOf(name) : `--${name}`;
      throw new ConfigError(`${where}: ${quoted(text)} ${result.error.issues[0]?.message ?? 'is not valid'}`);
    }
    config[name] = result.data;
  }
  // Every flag was parsed by its own schema just now.
  return { kind: 'run', config: config as Config };
}

function parse(args: readonly string[]): {
  readonly values: ReadonlyMap<string, string>;
  readonly asked?: 'help' | 'version';
} {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
  };
  for (const name of Object.keys(flags)) options[name] = { type: 'string' };
  // A boolean flag may be given without a value, as in Go programs.
  const spelled = args.map((argument) => (isBooleanFlag(argument) ? `${argument}=true` : argument));
  try {
    const { values } = parseArgs({ args: spelled, options, strict: true, allowPositionals: false });
    const texts = new Map<string, string>();
    for (const [name, value] of Object.entries(values)) if (typeof value === 'string') texts.set(name, value);
    if (values.help === true) return { values: texts, asked: 'help' };
    return values.version === true ? { values: texts, asked: 'version' } : { values: texts };
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split(/\.\s|\n/);
    throw new ConfigError(`${line}; see --help`);
  }
}

function isBooleanFlag(argument: string): boolean {
  return Object.entries(flags).some(([name, { schema }]) => schema === boolean && argument === `--${name}`);
}

/** A value as it was given, on one line and not longer than a line. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}

function helpText(): string {
  const lines = Object.entries(flags).map(
    ([name, { fallback, help }]) => `  --${name.padEnd(32)} ${help}${fallback === undefined ? '' : ` (${fallback})`}`,
  );
  return [
    'Usage: sharenet-operator [flags]',
    '',
    'Manages share networks, security services, share servers and access rules of shared file systems.',
    'Each flag has an environment variable: --log-level is SHARENET_LOG_LEVEL.',
    '',
    ...lines,
    `  --${'version'.padEnd(32)} print the version and exit`,
    `  --${'help'.padEnd(32)} print this and exit`,
  ].join('\n');
}

/** Identity of this process among replicas. */
export function processIdentity(): string {
  return `${hostname()}_${process.pid}`;
}
