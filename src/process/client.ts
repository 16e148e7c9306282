import { apiGroup } from '../api/v1alpha1/resource-types.ts';
import { schemaVersion, schemaVersionAnnotation } from '../api/v1alpha1/schema-version.ts';
import { createApiClient, type HttpApiClient } from '../runtime/api-client.ts';
import { ApiError, isNotFound } from '../runtime/api-error.ts';
import { connectionWarnings, loadKubeConfig } from '../runtime/kube-config.ts';
import type { KubeObject, ResourceType } from '../runtime/kube-object.ts';
import type { Logger } from '../runtime/logger.ts';
import type { RuntimeMetrics } from '../runtime/metrics.ts';
import { version } from '../version.ts';
import type { Config } from './config.ts';

const fieldManager = 'sharenet-operator';

const customResourceDefinitions: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/**
 * The client of the operator's API server; nothing is asked yet.
 * @throws Error with one line for the administrator when the kubeconfig cannot be used
 */
export function connect(config: Config, logger: Logger, metrics: RuntimeMetrics): HttpApiClient {
  const kubeConfig = loadKubeConfig(config.kubeconfig);
  for (const warning of connectionWarnings(kubeConfig)) logger.warn({}, warning);
  return createApiClient({ kubeConfig, fieldManager, userAgent: `${fieldManager}/${version}`, logger, metrics });
}

/**
 * Refuses CRDs that are older than this operator: the API server would silently drop fields that they do not have.
 * @throws Error with one line for the administrator
 */
export async function checkSchemaVersion(client: HttpApiClient): Promise<void> {
  const name = `sharenetworks.${apiGroup}`;
  let definition: KubeObject;
  try {
    definition = await client.get(customResourceDefinitions, { name });
  } catch (error) {
    if (error instanceof ApiError && error.status === 0) {
      throw new Error(`the API server does not answer: ${error.message}; check --kubeconfig`);
    }
    if (!isNotFound(error)) throw error;
    throw new Error(`CustomResourceDefinition ${name} does not exist: apply config/crd first`);
  }
  const found = Number(definition.metadata.annotations?.[schemaVersionAnnotation] ?? 0);
  if (found < schemaVersion) {
    throw new Error(
      `CustomResourceDefinition ${name} has schema version ${found}, this operator needs ${schemaVersion}: apply config/crd first`,
    );
  }
}
