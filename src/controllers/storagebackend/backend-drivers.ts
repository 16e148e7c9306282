import { createHash } from 'node:crypto';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { Capabilities, Driver, DriverLogger, DriverModule } from '../../drivers/driver.ts';
import { asDriverError, DriverError } from '../../drivers/errors.ts';
import { keepIdentity, type RecordedIdentity } from '../../drivers/identity.ts';
import { backendConfigOf, type DriverModules } from '../../drivers/registry.ts';
import { secretBytes } from '../../runtime/core-types.ts';
import { utf8Text } from '../../values/secret-content.ts';
import { presentable } from '../driver-calls/presentable-error.ts';
import type { BackendOperator } from './backend-operator.ts';

/** The driver that a backend's spec and credentials describe. */
export interface ConfiguredDriver {
  readonly ok: true;
  /** Digest of configuration and credentials. */
  readonly key: string;
  /** The identity fields in force, to be recorded. */
  readonly identity: RecordedIdentity;
  /** Identity fields whose new value is refused because the backend is in use; the old value stays in force. */
  readonly refusedFields: readonly string[];
  /** Texts that must not appear in an error of the driver. */
  readonly secrets: readonly string[];
  readonly create: () => Driver;
}

/** Why a backend's spec and credentials describe no driver. */
interface InvalidConfiguration extends Finding {
  readonly ok: false;
}

/** Result of a probe. */
export type ProbeResult =
  | { readonly ok: true; readonly capabilities: Capabilities }
  | {
      readonly ok: false;
      /** Without secrets: it may be shown. */
      readonly error: DriverError;
      /** Whether calls use the driver that did not answer, or none; otherwise they use a former one, which may still work. */
      readonly ofDriverInForce: boolean;
    };

/** The content of a backend's Secret, or the first key whose content is not text. */
type Credentials = { readonly texts: Readonly<Record<string, string>> } | { readonly notText: string };

interface Current {
  readonly key: string;
  readonly driver: Driver;
}

/** Creates, probes and replaces the drivers of backends. */
export class BackendDrivers {
  readonly #operator: BackendOperator;
  readonly #modules: DriverModules;
  readonly #logger: DriverLogger;
  readonly #current = new Map<string, Current>();
  /** Name of the credentials' Secret, by backend. */
  readonly #secretNames = new Map<string, string>();

  constructor(operator: BackendOperator, modules: DriverModules) {
    this.#operator = operator;
    this.#modules = modules;
    this.#logger = operator.driverLogger;
  }

  /** Names of the backends whose credentials are in a Secret. */
  usersOf(secretName: string): readonly string[] {
    return [...this.#secretNames].flatMap(([backendName, name]) => (name === secretName ? [backendName] : []));
  }

  /**
   * Reads the backend's configuration and credentials.
   * @param inUse whether objects are on the backend: its identity must not change then
   */
  configured(backend: StorageBackend, inUse: boolean): ConfiguredDriver | InvalidConfiguration {
    const configured = backendConfigOf(backend.spec, this.#modules);
    if (!configured.valid) return { ok: false, reason: 'InvalidConfiguration', message: configured.message };
    const { module } = configured;
    const { config, identity, refusedFields } = keepIdentity(
      configured.config,
      module.identityFields,
      inUse ? backend.status?.identity : undefined,
    );
    const credentials = this.#credentials(backend, module, config);
    if (credentials === undefined) {
      return {
        ok: false,
        reason: 'CredentialsNotFound',
        message: `Secret ${module.credentialsSecretName?.(config)} with label ${labels.credentialsLabel}: "true" is not in namespace ${this.#operator.namespace}`,
      };
    }
    if ('notText' in credentials) {
      return {
        ok: false,
        reason: 'CredentialsNotText',
        message: `Secret ${module.credentialsSecretName?.(config)}: the content of key ${credentials.notText} is not UTF-8 text`,
      };
    }
    const key = createHash('sha256')
      .update(JSON.stringify([backend.metadata.uid, backend.spec.driver, config, credentials.texts]))
      .digest('hex');
    return {
      ok: true,
      key,
      identity,
      refusedFields,
      secrets: secretsOf(credentials.texts),
      create: () =>
        module.createDriver({
          backendName: backend.metadata.name,
          config,
          credentials: credentials.texts,
          installationID: this.#operator.installation.id,
          logger: this.#logger,
        }),
    };
  }

  /**
   * Asks the configured driver for its capabilities; a new driver replaces the present one only when it answers. Ends within
   * `timeoutMs`, whatever the driver does.
   * @param replacesDriver whether the present driver, which asked for a pause, is replaced because a person asked for a probe
   */
  async probe(
    backend: StorageBackend,
    configured: ConfiguredDriver,
    timeoutMs: number,
    signal: AbortSignal,
    replacesDriver = false,
  ): Promise<ProbeResult> {
    const { name } = backend.metadata;
    const current = this.#current.get(name);
    let driver: Driver | undefined;
    try {
      driver = current?.key === configured.key && !replacesDriver ? current.driver : configured.create();
      const answered = await this.#ask(driver, name, timeoutMs, signal);
      // Without both methods there is no update, whatever the driver says.
      const able =
        driver.checkUpdateShareServerSecurityService !== undefined &&
        driver.updateShareServerSecurityService !== undefined;
      const capabilities = able ? answered : { ...answered, securityServiceUpdateSupport: false };
      if (current?.driver !== driver) {
        this.#operator.calls.track(name);
        await this.#operator.instances.replace(name, driver, timeoutMs, configured.secrets);
        this.#current.set(name, { key: configured.key, driver });
      }
      return { ok: true, capabilities };
    } catch (error) {
      if (driver !== undefined && driver !== current?.driver) await driver.close().catch(() => undefined);
      const ofDriverInForce = current === undefined || current.key === configured.key;
      return { ok: false, error: presentable(asDriverError(error), configured.secrets), ofDriverInForce };
    }
  }

  /** Closes the backend's driver. */
  async remove(backendName: string): Promise<void> {
    this.#secretNames.delete(backendName);
    this.#current.delete(backendName);
    await this.#operator.instances.replace(backendName, undefined, 0);
  }

  async #ask(driver: Driver, backendName: string, timeoutMs: number, signal: AbortSignal): Promise<Capabilities> {
    const { clock, installation } = this.#operator;
    const timeout = Promise.withResolvers<never>();
    const abort = new AbortController();
    const timer = clock.setTimeout(() => {
      const error = new DriverError({
        kind: 'Unavailable',
        reason: 'OperationTimeout',
        message: `the backend gave no answer within ${timeoutMs / 1000} s`,
      });
      abort.abort(error);
      timeout.reject(error);
    }, timeoutMs);
    try {
      this.#operator.calls.checkLeadership();
      const answer = driver.getCapabilities({
        signal: AbortSignal.any([signal, abort.signal]),
        logger: this.#logger,
        installationID: installation.id,
      });
      answer.catch(() => undefined);
      const capabilities = await Promise.race([answer, timeout.promise]);
      this.#logger.debug({ backend: backendName }, 'backend probed');
      return capabilities;
    } finally {
      clock.clearTimeout(timer);
    }
  }

  #credentials(backend: StorageBackend, module: DriverModule, config: unknown): Credentials | undefined {
    const secretName = module.credentialsSecretName?.(config);
    if (secretName === undefined) {
      this.#secretNames.delete(backend.metadata.name);
      return { texts: {} };
    }
    this.#secretNames.set(backend.metadata.name, secretName);
    const secret = this.#operator.informers.credentials.cache.get({
      namespace: this.#operator.namespace,
      name: secretName,
    });
    if (secret === undefined) return undefined;
    const texts: Record<string, string> = {};
    for (const key of Object.keys(secret.data ?? {})) {
      const text = utf8Text(secretBytes(secret, key) ?? new Uint8Array());
      // A replacement character would make two Secrets look like one.
      if (text === undefined) return { notText: key };
      texts[key] = text;
    }
    return { texts };
  }
}

/** Credentials without account names, which errors may contain. */
function secretsOf(credentials: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(credentials).flatMap(([key, text]) => (/^user(name|id)?$/i.test(key) ? [] : [text]));
}
