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

/** Says how the connection of a kubeconfig fails to protect what is sent over it; one line each, for the log. */
export function connectionWarnings(config: Pick<KubeConfig, 'getCurrentCluster'>): readonly string[] {
  const cluster = config.getCurrentCluster();
  if (cluster === null) return [];
  if (!cluster.server.toLowerCase().startsWith('https:')) {
    return [
      `the kubeconfig's server ${cluster.server} has no TLS: everyone on the way can read the token and all Secrets; use https`,
    ];
  }
  if (cluster.skipTLSVerify !== true) return [];
  return [
    "the kubeconfig sets insecure-skip-tls-verify: the API server's certificate is not verified, so an impostor gets the token and all " +
      'Secrets; remove it and set certificate-authority',
  ];
}
