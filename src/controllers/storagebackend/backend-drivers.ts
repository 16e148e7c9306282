import { createHash } from 'node:crypto';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { Capabilities, Driver, DriverLogger, DriverModule } from '../../drivers/driver.ts';
import { asDriverError, DriverError } from '../../drivers/errors.ts';
import { keepIdentity, type RecordedIdentity } from '../../drivers/identity.ts';
import { backendConfigOf, type DriverModules } from '../../drivers/registry.ts';
import { secretBytes } from '../../runtime/core-types.ts';
import { utf8Text } from '../../values/secret-content.ts';
import { presentable } from '../driver-calls/presentable-error.ts';
import type { Operator } from '../operator.ts';

/** A driver as a backend's spec and credentials ask for it, or why there can't be one. */
export type WantedDriver =
  | {
      readonly ok: true;
      /** Changes with configuration and credentials. */
      readonly key: string;
      /** The identity fields as they are in force, to be recorded. */
      readonly identity: RecordedIdentity;
      /** Identity fields whose new value is refused, and the old one in force, because the backend is in use. */
      readonly refusedFields: readonly string[];
      /** What must not show in an error of the driver. */
      readonly secrets: readonly string[];
      readonly create: () => Driver;
    }
  | { readonly ok: false; readonly reason: Reason; readonly message: string };

/** Result of a probe. */
export type ProbeResult =
  | { readonly ok: true; readonly capabilities: Capabilities }
  | {
      readonly ok: false;
      /** Fit to be shown. */
      readonly error: DriverError;
      /** Whether calls go to the driver that gave no answer, or to none; else a former one is in force and may well work. */
      readonly ofDriverInForce: boolean;
    };

/** What a backend's Secret holds, or the first key whose content is no text. */
type Credentials = { readonly texts: Readonly<Record<string, string>> } | { readonly notText: string };

interface Current {
  readonly key: string;
  readonly driver: Driver;
}

/** Makes, probes and replaces the drivers of backends. */
export class BackendDrivers {
  readonly #operator: Operator;
  readonly #modules: DriverModules;
  readonly #logger: DriverLogger;
  readonly #current = new Map<string, Current>();
  readonly #secretUsers = new Map<string, Set<string>>();

  constructor(operator: Operator, modules: DriverModules) {
    this.#operator = operator;
    this.#modules = modules;
    this.#logger = operator.driverLogger;
  }

  /** Names of the backends that take their credentials from a Secret. */
  usersOf(secretName: string): readonly string[] {
    return [...(this.#secretUsers.get(secretName) ?? [])];
  }

  /**
   * Reads the backend's configuration and credentials.
   * @param inUse whether something is on the backend, which its identity must not change under
   */
  wanted(backend: StorageBackend, inUse: boolean): WantedDriver {
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
   * Asks the wanted driver for its capabilities; a new one takes the place of the old one only when it answers. Bounded by
   * `timeoutMs`, whatever the driver does.
   * @param anew whether the present driver, which asked for a pause, is replaced: a person does not want to wait for its end
   */
  async probe(
    backend: StorageBackend,
    wanted: WantedDriver & { ok: true },
    timeoutMs: number,
    signal: AbortSignal,
    anew = false,
  ): Promise<ProbeResult> {
    const { name } = backend.metadata;
    const current = this.#current.get(name);
    let driver: Driver | undefined;
    try {
      driver = current?.key === wanted.key && !anew ? current.driver : wanted.create();
      const answered = await this.#ask(driver, name, timeoutMs, signal);
      // Without both methods there is no update, whatever the driver says.
      const able =
        driver.checkUpdateShareServerSecurityService !== undefined &&
        driver.updateShareServerSecurityService !== undefined;
      const capabilities = able ? answered : { ...answered, securityServiceUpdateSupport: false };
      if (current?.driver !== driver) {
        this.#operator.calls.track(name);
        await this.#operator.instances.replace(name, driver, timeoutMs, wanted.secrets);
        this.#current.set(name, { key: wanted.key, driver });
      }
      return { ok: true, capabilities };
    } catch (error) {
      if (driver !== undefined && driver !== current?.driver) await driver.close().catch(() => undefined);
      const ofDriverInForce = current === undefined || current.key === wanted.key;
      return { ok: false, error: presentable(asDriverError(error), wanted.secrets), ofDriverInForce };
    }
  }

  /** Closes the backend's driver. */
  async remove(backendName: string): Promise<void> {
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
    if (secretName === undefined) return { texts: {} };
    const users = this.#secretUsers.get(secretName) ?? new Set();
    this.#secretUsers.set(secretName, users.add(backend.metadata.name));
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

/** Credentials without account names, which errors may and should tell. */
function secretsOf(credentials: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(credentials).flatMap(([key, text]) => (/^user(name|id)?$/i.test(key) ? [] : [text]));
}
