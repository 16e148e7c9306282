import type { KubeObject, ResourceType } from './kube-object.ts';

/** A core/v1 Secret as the operator reads it. */
export interface Secret extends KubeObject {
  readonly type?: string;
  /** `true`: its data can no longer be changed, only the Secret deleted. */
  readonly immutable?: boolean;
  /** Base64 by key. */
  readonly data?: Readonly<Record<string, string>>;
  /** Set where a cache keeps only a part of the data. */
  readonly partial?: true;
}

/** A core/v1 Namespace. */
export interface Namespace extends KubeObject {
  readonly status?: { readonly phase?: string };
}

export const secrets: ResourceType<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
};

export const namespaces: ResourceType<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

/** Reads one key of a Secret; undefined where the key is missing. */
export function secretBytes(secret: Secret, key: string): Buffer | undefined {
  // The key may be a tenant's choice: `constructor` is not data.
  const encoded = Object.hasOwn(secret.data ?? {}, key) ? secret.data?.[key] : undefined;
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64');
}

/** One key of a Secret as text, with U+FFFD for what is not UTF-8; undefined where the key is missing. */
export function secretText(secret: Secret, key: string): string | undefined {
  return secretBytes(secret, key)?.toString('utf8');
}

/** Data of a Secret from texts. */
export function secretData(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')]),
  );
}
