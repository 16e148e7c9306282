import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from './helm.ts';

/** What only one of both ways to install has: who installed it, which version. */
const ofTheInstaller =
  /^(helm\.sh\/|app\.kubernetes\.io\/(instance|version|managed-by)$|meta\.helm\.sh\/|config\.kubernetes\.io\/)/;

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Objects by kind, namespace and name, without what tells the installer and in one way of writing. */
export function comparable(manifests: readonly Manifest[]): ReadonlyMap<string, unknown> {
  return new Map(
    manifests.map((manifest): [string, unknown] => {
      const { kind, metadata } = manifest;
      const key = [kind, metadata.namespace, metadata.name].filter((part) => part !== undefined).join(' ');
      return [key, written(manifest)];
    }),
  );
}

/** Kinds and names of what is not the same in both, sorted. */
export function differences(
  ours: ReadonlyMap<string, unknown>,
  theirs: ReadonlyMap<string, unknown>,
): readonly string[] {
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .filter((key) => !isDeepStrictEqual(ours.get(key), theirs.get(key)))
    .sort();
}

function written(manifest: Manifest): unknown {
  const { metadata, rules, ...rest } = manifest;
  const { labels, annotations, ...names } = metadata;
  return {
    ...rest,
    // Rights are a set, however the rules are cut.
    ...(rules === undefined ? {} : { rights: rightsOf(rules as readonly Rule[]) }),
    metadata: { ...names, labels: withoutInstaller(labels), annotations: withoutInstaller(annotations) },
  };
}

function withoutInstaller(texts: Readonly<Record<string, string>> = {}): object {
  return Object.fromEntries(Object.entries(texts).filter(([name]) => !ofTheInstaller.test(name)));
}

/** One text for each thing that rules allow, sorted. */
function rightsOf(rules: readonly Rule[]): readonly string[] {
  const rights = rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [''] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb) => resourceNames.map((name) => `${verb} ${resource}.${group} ${name}`.trim())),
      ),
    ),
  );
  return [...new Set(rights)].sort();
}
