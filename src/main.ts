import { driverModules } from './drivers/registry.ts';
import { loadVendorDrivers } from './drivers/vendor-drivers.ts';
import { ConfigError, readConfig } from './process/config.ts';
import { runOperator } from './process/run-operator.ts';
import { createLogger } from './runtime/logger.ts';
import { version } from './version.ts';

const invocation = (() => {
  try {
    return readConfig(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`sharenet-operator: ${error.message}\n`);
    process.exit(2);
  }
})();

if (invocation.kind === 'text') {
  process.stdout.write(`${invocation.text}\n`);
} else {
  const { config } = invocation;
  const logger = createLogger({ level: config['log-level'], format: config['log-format'] });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      stop.abort();
    });
  }
  // Without a listener, and without --disable-sigusr1 as the launcher and the image have it, Node.js opens its debugger.
  process.on('SIGUSR1', () => logger.warn({}, 'ignored SIGUSR1: the operator has no debugger'));
  // A rejected promise that a driver forgot must not end the process.
  process.on('unhandledRejection', (reason) => {
    logger.error({ err: reason instanceof Error ? reason : new Error(String(reason)) }, 'unhandled promise rejection');
  });
  try {
    logger.info({ version, node: process.version, config }, 'starting');
    const modules = await loadVendorDrivers(driverModules, config['driver-files'] ?? [], logger);
    await runOperator(config, logger, stop.signal, modules);
    logger.info({}, 'stopped');
    // Only driver calls that outlast the graceful stop still hold the event loop.
    process.exit(0);
  } catch (error) {
    logger.fatal({ error: error instanceof Error ? error.message : String(error) }, 'the operator ended');
    process.exit(1);
  }
}
