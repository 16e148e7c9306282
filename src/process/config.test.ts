import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Config, ConfigError, readConfig } from './config.ts';

function configOf(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Config {
  const invocation = readConfig(args, environment);
  if (invocation.kind !== 'run') throw new Error('not a run');
  return invocation.config;
}

function refusalOf(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  try {
    readConfig(args, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('accepted');
}

describe('the configuration', () => {
  test('has a default for every flag that needs a value', () => {
    expect(configOf([])).toEqual({
      kubeconfig: undefined,
      namespace: 'sharenet-system',
      'watch-namespaces': undefined,
      'leader-elect': false,
      'leader-election-lease-duration': 15,
      'require-credential-destinations': false,
      'installation-id': undefined,
      'driver-files': undefined,
      'metrics-bind-address': ':8080',
      'health-probe-bind-address': ':8081',
      'webhook-mode': 'off',
      'webhook-port': 9443,
      'max-concurrent-reconciles': 10,
      'log-level': 'info',
      'log-format': 'json',
    });
  });

  test('takes a flag before its environment variable', () => {
    const environment = { SHARENET_LOG_LEVEL: 'debug', SHARENET_NAMESPACE: 'storage' };
    const config = configOf(['--log-level=warn'], environment);
    expect([config['log-level'], config.namespace]).toEqual(['warn', 'storage']);
  });

  test.each([
    { args: ['--leader-elect'], flag: 'leader-elect', value: true },
    { args: ['--require-credential-destinations'], flag: 'require-credential-destinations', value: true },
    { args: ['--leader-elect=true'], flag: 'leader-elect', value: true },
    { args: ['--leader-elect=false'], flag: 'leader-elect', value: false },
    { args: ['--log-level', 'trace'], flag: 'log-level', value: 'trace' },
    { args: ['--log-level=info', '--log-level=error'], flag: 'log-level', value: 'error' },
    { args: ['--watch-namespaces=a, b ,a,c'], flag: 'watch-namespaces', value: ['a', 'b', 'c'] },
    { args: ['--metrics-bind-address=0'], flag: 'metrics-bind-address', value: '0' },
    { args: ['--metrics-bind-address=:0'], flag: 'metrics-bind-address', value: ':0' },
    { args: ['--metrics-bind-address=localhost:80'], flag: 'metrics-bind-address', value: 'localhost:80' },
    { args: ['--metrics-bind-address=[::1]:8080'], flag: 'metrics-bind-address', value: '[::1]:8080' },
    { args: ['--metrics-bind-address=[::]:8080'], flag: 'metrics-bind-address', value: '[::]:8080' },
    { args: ['--max-concurrent-reconciles=1'], flag: 'max-concurrent-reconciles', value: 1 },
  ] as const)('understands $args', ({ args, flag, value }) => {
    expect(configOf(args)[flag]).toEqual(value);
  });

  test.each([
    { variable: 'SHARENET_WATCH_NAMESPACES', text: ' a,b, a', flag: 'watch-namespaces', value: ['a', 'b'] },
    { variable: 'SHARENET_WATCH_NAMESPACES', text: '', flag: 'watch-namespaces', value: undefined },
    { variable: 'SHARENET_LEADER_ELECT', text: 'true', flag: 'leader-elect', value: true },
    { variable: 'SHARENET_WEBHOOK_PORT', text: '443', flag: 'webhook-port', value: 443 },
    // What Kubernetes gives to Pods beside a service "sharenet-webhook".
    { variable: 'SHARENET_WEBHOOK_PORT', text: 'tcp://10.0.0.7:443', flag: 'webhook-port', value: 9443 },
    { variable: 'SHARENET_SOMETHING_ELSE', text: 'x', flag: 'namespace', value: 'sharenet-system' },
  ] as const)('reads $variable=$text', ({ variable, text, flag, value }) => {
    expect(configOf([], { [variable]: text })[flag]).toEqual(value);
  });

  test.each([
    { args: ['--no-such-flag'], says: /--no-such-flag.*--help/ },
    { args: ['--no-such-flag=1'], says: /--no-such-flag/ },
    { args: ['-x'], says: /-x/ },
    { args: ['stray'], says: /stray/ },
    { args: ['--log-level'], says: /--log-level/ },
    { args: ['--log-level', '--log-format=json'], says: /--log-level/ },
    { args: ['--log-level=loud'], says: /^--log-level: "loud" must be trace, debug/ },
    { args: ['--log-level=a\nb'], says: /"a\\nb"/ },
    { args: [`--log-level=${'x'.repeat(5000)}`], says: /x…"/ },
    { args: ['--log-format=xml'], says: /^--log-format: "xml" must be json or pretty/ },
    { args: ['--leader-elect=yes'], says: /^--leader-elect: "yes" must be true or false/ },
    { args: ['--leader-elect', 'false'], says: /false/ },
    { args: ['--leader-election-lease-duration=0'], says: /at least 1/ },
    { args: ['--namespace='], says: /^--namespace: "" must be the name of a namespace/ },
    { args: ['--namespace=Team'], says: /name of a namespace/ },
    { args: ['--kubeconfig='], says: /^--kubeconfig/ },
    { args: ['--watch-namespaces='], says: /name of a namespace/ },
    { args: ['--watch-namespaces=a,,b'], says: /name of a namespace/ },
    { args: ['--watch-namespaces=a b'], says: /name of a namespace/ },
    { args: ['--installation-id=a b'], says: /^--installation-id/ },
    { args: ['--metrics-bind-address=8080'], says: /must be host:port/ },
    { args: ['--metrics-bind-address=:65536'], says: /must be host:port/ },
    { args: ['--metrics-bind-address=::1:8080'], says: /\[IPv6 address\]:port/ },
    { args: ['--metrics-bind-address=[::1]'], says: /must be host:port/ },
    { args: ['--metrics-bind-address=[1::2::3]:80'], says: /must be host:port/ },
    { args: ['--metrics-bind-address=[10.0.0.1]:80'], says: /must be host:port/ },
    { args: ['--health-probe-bind-address=http://x:1'], says: /^--health-probe-bind-address/ },
    { args: ['--driver-files=/a.mjs,'], says: /^--driver-files: .* must be files, separated by commas/ },
    { args: ['--webhook-mode=on'], says: /must be service, url or off/ },
    { args: ['--webhook-port=0'], says: /at least 1/ },
    { args: ['--webhook-port=70000'], says: /must be a port/ },
    { args: ['--max-concurrent-reconciles=-1'], says: /--max-concurrent-reconciles/ },
    { args: ['--max-concurrent-reconciles=1.5'], says: /whole number/ },
    { args: [], environment: { SHARENET_LOG_LEVEL: 'loud' }, says: /^SHARENET_LOG_LEVEL: "loud" must be/ },
    { args: [], environment: { SHARENET_WATCH_NAMESPACES: ',' }, says: /^SHARENET_WATCH_NAMESPACES/ },
    { args: [], environment: { SHARENET_METRICS_BIND_ADDRESS: 'x' }, says: /^SHARENET_METRICS_BIND_ADDRESS/ },
    { args: [], environment: { SHARENET_WEBHOOK_PORT: 'https://x' }, says: /^SHARENET_WEBHOOK_PORT/ },
  ])('refuses $args $environment in one line', ({ args, environment = {}, says }) => {
    const refusal = refusalOf(args, environment);
    expect(refusal).toMatch(says);
    expect(refusal).not.toContain('\n');
    expect(refusal.length).toBeLessThan(300);
  });

  test.each([[['--help']], [['-h']], [['--log-level=info', '--help']]])('explains itself with %j', (args) => {
    const invocation = readConfig(args, {});
    expect(invocation.kind).toBe('text');
    if (invocation.kind !== 'text') return;
    for (const flag of Object.keys(configOf([]))) expect(invocation.text).toContain(`--${flag}`);
    expect(invocation.text.split('\n').every((line) => line.length <= 120)).toBe(true);
  });

  test('tells its version', async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(readConfig(['--version'], {})).toEqual({ kind: 'text', text: version });
  });
});
