import type { ApiClient } from '../runtime/api-client.ts';
import { ApiError, isForbidden, isNotFound } from '../runtime/api-error.ts';
import type { Cache } from '../runtime/cache.ts';
import type { Logger } from '../runtime/logger.ts';
import {
  injectedByCertManager,
  isContained,
  servedWebhooks,
  type ValidatingWebhook,
  type ValidatingWebhookConfiguration,
  validatingWebhookConfigurations,
  validatingWebhooks,
  webhookConfigurationName,
  webhookPath,
} from './webhook-configuration.ts';

/** Owner of `caBundle`, apart from whoever installs the rest. */
const trustManager = 'sharenet-webhook-ca';
/** Owner of `caBundle` where cert-manager was asked to inject it. */
const injector = 'cert-manager-cainjector';
/** Owner of the rest where the operator registers itself. */
const registrationManager = 'sharenet-webhook';

/**
 * How the API server reaches the webhook. `service`: through a Service, by a registration that was installed. `url`: on this
 * machine, by a registration of the operator's own.
 */
export type WebhookMode = { readonly kind: 'service' } | { readonly kind: 'url'; readonly port: number };

/** The registration is not as it has to be, and that is not the operator's to change; the message is a line for the administrator. */
export class RegistrationError extends Error {
  override readonly name = 'RegistrationError';
}

/** What the API server is to trust. */
export interface Trust {
  /** Authorities, PEM. */
  readonly bundle: string;
  /** The one among them whose certificate is served now. */
  readonly serving: string;
}

/**
 * Keeps the registration at the API server right. It only writes what differs and never takes a field from another owner: an
 * administrator may change `failurePolicy`, `timeoutSeconds` and selectors, and other changes are reported as a conflict.
 *
 * Replicas that do not lead write only what no one can have wanted: a missing registration, or one that does not trust what is
 * served. Else a replica that waits to be ready before the leader goes would wait for ever.
 */
export class WebhookRegistration {
  readonly #client: ApiClient;
  readonly #cache: Cache<ValidatingWebhookConfiguration>;
  readonly #mode: WebhookMode;
  readonly #name: string;

  constructor(
    client: ApiClient,
    cache: Cache<ValidatingWebhookConfiguration>,
    mode: WebhookMode,
    name: string = webhookConfigurationName,
  ) {
    this.#client = client;
    this.#cache = cache;
    this.#mode = mode;
    this.#name = name;
  }

  get #described(): string {
    return `ValidatingWebhookConfiguration ${this.#name}`;
  }

  /** The registration as it is known now. */
  get present(): ValidatingWebhookConfiguration | undefined {
    return this.#cache.get({ name: this.#name });
  }

  /** Whether the API server was told to trust an authority, PEM, for every webhook. */
  trusts(authority: string): boolean {
    const webhooks = this.present === undefined ? [] : servedWebhooks(this.present);
    return webhooks.length > 0 && webhooks.every((webhook) => bundleOf(webhook).includes(authority));
  }

  /**
   * Writes what differs from what it must be.
   * @param operatorUser the name that the API server knows the operator by
   * @param trust absent where cert-manager tells the API server what to trust
   * @returns what others keep it from; what they wrote may do as well
   * @throws RegistrationError, ApiError
   */
  async ensure(operatorUser: string, trust: Trust | undefined, leads: boolean): Promise<RegistrationError | undefined> {
    const refused = this.#mode.kind === 'url' ? await this.#register(operatorUser, this.#mode.port, leads) : undefined;
    if (this.present === undefined)
      throw new RegistrationError(`${this.#described} does not exist: apply config/webhook`);
    const other = this.#mode.kind === 'url' ? 'service' : 'url';
    if (servedWebhooks(this.present).some(({ clientConfig }) => clientConfig[other] !== undefined)) {
      throw new RegistrationError(
        `${this.#described} is for --webhook-mode=${other}: ${other === 'url' ? 'delete it and apply config/webhook' : 'delete it'}`,
      );
    }
    if (trust === undefined || injectedByCertManager(this.present)) return refused;
    return (await this.#trust(this.present, trust, leads)) ?? refused;
  }

  /** Registers the webhooks without `caBundle`. */
  async #register(operatorUser: string, port: number, leads: boolean): Promise<RegistrationError | undefined> {
    const present = this.present;
    const known = new Map((present?.webhooks ?? []).map((webhook) => [webhook.name, webhook]));
    if (present !== undefined && servedWebhooks(present).some(({ clientConfig }) => clientConfig.service)) return;
    const wanted = validatingWebhooks({ url: `https://127.0.0.1:${port}${webhookPath}` }, operatorUser).map(
      (webhook) => {
        const { failurePolicy, timeoutSeconds } = { ...webhook, ...known.get(webhook.name) };
        return {
          ...webhook,
          ...(failurePolicy === undefined ? {} : { failurePolicy }),
          ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
        };
      },
    );
    if (wanted.every((webhook) => isContained(webhook, known.get(webhook.name)))) return;
    if (present !== undefined && !leads) return;
    const metadata = { name: this.#name, labels: { 'app.kubernetes.io/name': 'sharenet' } };
    return await this.#apply({ metadata, webhooks: wanted }, registrationManager);
  }

  async #trust(
    present: ValidatingWebhookConfiguration,
    { bundle, serving }: Trust,
    leads: boolean,
  ): Promise<RegistrationError | undefined> {
    const webhooks = servedWebhooks(present);
    if (webhooks.every((webhook) => bundleOf(webhook) === bundle)) return;
    if (!leads && this.trusts(serving)) return;
    const caBundle = Buffer.from(bundle).toString('base64');
    // Only what exists is named, and only as it was seen: a webhook that someone removed must not come back as half a one.
    const metadata = { name: present.metadata.name, ...versionOf(present) };
    const named = webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } }));
    return await this.#apply({ metadata, webhooks: named }, trustManager);
  }

  /** @returns the conflict with other owners */
  async #apply(
    configuration: ValidatingWebhookConfiguration,
    fieldManager: string,
    force = false,
  ): Promise<RegistrationError | undefined> {
    try {
      this.#cache.observe(
        await this.#client.apply(validatingWebhookConfigurations, configuration, { fieldManager, force }),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError) || !error.causes.some(({ reason }) => reason === 'FieldManagerConflict'))
        throw error;
      // It gets no requests any more, and releases nothing.
      if (error.causes.every(({ message = '' }) => message.includes(`"${injector}"`))) {
        return await this.#apply(configuration, fieldManager, true);
      }
      const fields = error.causes.map(({ field, message }) => `${field} (${message})`).join(', ');
      return new RegistrationError(
        `${this.#described}: others set fields that the operator needs to set: ${fields}; have them leave these out`,
      );
    }
  }
}

/** Removes the registration where there is one. Failures are only logged: without an answer it is ignored anyway. */
export async function removeRegistration(client: ApiClient, logger: Logger): Promise<void> {
  const name = { name: webhookConfigurationName };
  try {
    const { uid } = (await client.get(validatingWebhookConfigurations, name)).metadata;
    await client.delete(validatingWebhookConfigurations, name, uid === undefined ? {} : { uid });
    logger.info(name, 'the webhook is off: its registration was removed');
  } catch (error) {
    if (isNotFound(error)) return;
    if (isForbidden(error))
      logger.info({ err: error }, 'the webhook is off; whether it is still registered is not known');
    else logger.warn({ err: error }, 'the webhook is off, but its registration could not be removed');
  }
}

function bundleOf({ clientConfig }: ValidatingWebhook): string {
  return Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8');
}

function versionOf({ metadata }: ValidatingWebhookConfiguration) {
  return metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion };
}
