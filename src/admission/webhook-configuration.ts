import { isDeepStrictEqual } from 'node:util';
import { reapplyRequestedAt } from '../api/v1alpha1/labels.ts';
import {
  apiGroup,
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../api/v1alpha1/resource-types.ts';
import type { KubeObject, ResourceType } from '../runtime/kube-object.ts';
import { probeAnnotation } from './admission-probe.ts';

/** Name of the registration. */
export const webhookConfigurationName = 'sharenet-validating-webhook';

/**
 * Name of an operator's registration: there is one for the whole cluster, or one for each of several operators that work in some
 * namespaces.
 */
export function registrationNameOf(operatorNamespace: string, watchNamespaces: readonly string[] | undefined): string {
  const isUsual = watchNamespaces === undefined || operatorNamespace === 'sharenet-system';
  return isUsual ? webhookConfigurationName : `${webhookConfigurationName}-${operatorNamespace}`;
}
/** Name of the Service in the operator's namespace by which the API server reaches the webhook. */
export const webhookServiceName = 'sharenet-webhook';
/** Where the webhook is served. */
export const webhookPath = '/validate';

/** How the API server reaches a webhook: a Service or a URL. */
export interface WebhookClientConfig {
  readonly service?: {
    readonly name: string;
    readonly namespace: string;
    readonly path?: string;
    readonly port?: number;
  };
  readonly url?: string;
  /** PEM, in base64. */
  readonly caBundle?: string;
}

/** An admissionregistration.k8s.io/v1 ValidatingWebhook, as far as the operator sets it. */
export interface ValidatingWebhook {
  readonly name: string;
  readonly clientConfig: WebhookClientConfig;
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly apiVersions: readonly string[];
    readonly resources: readonly string[];
    readonly operations: readonly string[];
    readonly scope: string;
  }[];
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly matchPolicy?: string;
  readonly sideEffects?: string;
  readonly admissionReviewVersions?: readonly string[];
  readonly failurePolicy?: string;
  readonly timeoutSeconds?: number;
}

export interface ValidatingWebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly ValidatingWebhook[];
}

export const validatingWebhookConfigurations: ResourceType<ValidatingWebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  namespaced: false,
};

const reapply = (object: string): string => `${object}.metadata.?annotations[?'${reapplyRequestedAt}'].orValue('')`;
const phase = (object: string): string => `${object}.?status.?phase.orValue('')`;

/**
 * The webhooks that the operator serves. The first judges what a person asks for: a new object, a changed spec, a change that is to
 * be run again; labels, finalizers and objects that are being deleted don't come to it. It gets share servers only for the
 * operator's own probe. The second lets every status pass and leaves a note in the audit log when a phase was reset.
 * The third warns whoever deletes what is in use, and refuses nothing.
 * @param operatorUser the name that the API server knows the operator by; its own changes of phases are no resets
 */
export function validatingWebhooks(
  clientConfig: WebhookClientConfig,
  operatorUser: string,
): readonly ValidatingWebhook[] {
  const everywhere = { apiGroups: [apiGroup], apiVersions: [shares.version], scope: '*' };
  const served = {
    clientConfig,
    // A write that is matched by another version of the API counts as well.
    matchPolicy: 'Equivalent',
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    // What is not judged here the operator refuses in the object's conditions.
    failurePolicy: 'Ignore',
    timeoutSeconds: 5,
  };
  return [
    {
      name: `validate.${apiGroup}`,
      ...served,
      rules: [
        {
          ...everywhere,
          resources: [storageBackends, securityServices, shareNetworks, shares, shareAccesses].map(
            ({ plural }) => plural,
          ),
          operations: ['CREATE', 'UPDATE'],
        },
        { ...everywhere, resources: [shareServers.plural], operations: ['CREATE'] },
      ],
      matchConditions: [
        { name: 'not-being-deleted', expression: '!has(object.metadata.deletionTimestamp)' },
        {
          name: 'asks-for-something',
          expression: `request.operation == 'CREATE' || object.spec != oldObject.spec || ${reapply('object')} != ${reapply('oldObject')}`,
        },
        {
          name: 'share-servers-only-as-a-probe',
          expression: `request.resource.resource != '${shareServers.plural}' || has(object.metadata.annotations) && '${probeAnnotation}' in object.metadata.annotations`,
        },
      ],
    },
    {
      name: `status.${apiGroup}`,
      ...served,
      rules: [
        {
          ...everywhere,
          resources: [shareNetworks, shareServers].map(({ plural }) => `${plural}/status`),
          operations: ['UPDATE'],
        },
      ],
      matchConditions: [
        { name: 'not-by-the-operator', expression: `request.userInfo.username != ${JSON.stringify(operatorUser)}` },
        { name: 'phase-changes', expression: `${phase('object')} != ${phase('oldObject')}` },
      ],
    },
    {
      name: `deletion.${apiGroup}`,
      ...served,
      rules: [
        {
          ...everywhere,
          resources: [storageBackends, securityServices, shareNetworks].map(({ plural }) => plural),
          operations: ['DELETE'],
        },
      ],
      matchConditions: [
        {
          name: 'not-by-kubernetes',
          expression:
            "request.userInfo.username != 'system:kube-controller-manager' && " +
            "!request.userInfo.username.startsWith('system:serviceaccount:kube-system:')",
        },
      ],
      // No write waits for a warning.
      timeoutSeconds: 2,
    },
  ];
}

/** The webhooks of a registration that the operator serves. */
export function servedWebhooks(configuration: ValidatingWebhookConfiguration): readonly ValidatingWebhook[] {
  const names = validatingWebhooks({}, '').map(({ name }) => name);
  return (configuration.webhooks ?? []).filter(({ name }) => names.includes(name));
}

/** Whether cert-manager puts the authorities into the registration. */
export function injectedByCertManager(configuration: ValidatingWebhookConfiguration | undefined): boolean {
  const annotations = Object.keys(configuration?.metadata.annotations ?? {});
  return annotations.some((name) => name.startsWith('cert-manager.io/inject-'));
}

/** Whether all of `wanted` is in `present`, which may have more (defaults, fields of others); lists are compared as a whole. */
export function isContained(wanted: unknown, present: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return isDeepStrictEqual(wanted, present);
  if (typeof present !== 'object' || present === null) return false;
  const found = new Map<string, unknown>(Object.entries(present));
  return Object.entries(wanted).every(([key, value]) => value === undefined || isContained(value, found.get(key)));
}
