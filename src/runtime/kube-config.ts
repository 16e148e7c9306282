import { KubeConfig } from '@kubernetes/client-node';

/**
 * Loads the connection to the cluster: the given file, else `KUBECONFIG`, `~/.kube/config`, the service account of the Pod.
 * The only module that loads client-node: it costs half a second.
 *
 * @throws when the file is missing or is not a kubeconfig.
 */
export function loadKubeConfig(path?: string): KubeConfig {
  const config = new KubeConfig();
  if (path === undefined) config.loadFromDefault();
  else config.loadFromFile(path);
  return config;
}
