import { KubeConfig } from '@kubernetes/client-node';

/**
 * Loads the connection to the cluster: the given file, else `KUBECONFIG`, `~/.kube/config`, the service account of the Pod.
 * The only module that loads client-node: it costs half a second.
 *
 * @param context the context to use instead of the file's current one
 * @throws when the file is missing, is not a kubeconfig, or has no such context.
 */
export function loadKubeConfig(path?: string, context?: string): KubeConfig {
  const config = new KubeConfig();
  if (path === undefined) config.loadFromDefault();
  else config.loadFromFile(path);
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new Error(
        `the kubeconfig has no context ${JSON.stringify(context)}; it has: ${known.join(', ') || 'none'}`,
      );
    }
    config.setCurrentContext(context);
  }
  return config;
}
