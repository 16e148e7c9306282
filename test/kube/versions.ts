import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folder of the Go modules that declare the control plane's programs as tools. */
export const toolsDirectory = join(import.meta.dirname, 'tools');

/** The versions that the Go modules under `tools/` declare: the only place where they are written. */
interface DeclaredVersions {
  /** Of kube-apiserver, kube-controller-manager and kubectl, for example `v1.36.3`. */
  readonly kubernetes: string;
  readonly etcd: string;
}

function requiredVersion(module: string, file: string): string {
  const version = readFileSync(file, 'utf8').match(new RegExp(`^(?:require)?\\s+${module} (v\\S+)`, 'm'))?.[1];
  if (version === undefined) {
    throw new Error(`${file}: requires no version of ${module}`);
  }
  return version;
}

/**
 * Reads the versions of Kubernetes and etcd from `tools/*\/go.mod`.
 *
 * @throws when a go.mod does not require its module
 */
export function declaredVersions(): DeclaredVersions {
  return {
    kubernetes: requiredVersion('k8s.io/kubernetes', join(toolsDirectory, 'kubernetes', 'go.mod')),
    etcd: requiredVersion('go.etcd.io/etcd/server/v3', join(toolsDirectory, 'etcd', 'go.mod')),
  };
}

/** The minor version in a Kubernetes version: 36 for `v1.36.3`; undefined for text that is no version. */
export function minorVersion(version: string): number | undefined {
  const minor = version.match(/^v?1\.(\d+)/)?.[1];
  return minor === undefined ? undefined : Number(minor);
}
