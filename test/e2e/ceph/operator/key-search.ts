import type { Secret } from '../../../../src/runtime/core-types.ts';
import type { OperatorOnCeph } from './operator-on-ceph.ts';

/**
 * Collects all texts that a key could have got into: every object with its managed fields, events included; the operator's log and
 * metrics.
 *
 * @returns where a text shows, as it is or in base64: `objects`, `log`, `metrics`, or `Secret namespace/name` each
 */
export async function keySearch({
  cluster,
  operator,
}: Pick<OperatorOnCeph, 'cluster' | 'operator'>): Promise<(key: string) => readonly string[]> {
  const kinds = (await cluster.kubectl('api-resources', '--verbs=list', '-o', 'name'))
    .split('\n')
    .filter((name) => name !== '' && name !== 'secrets');
  const all = ['-A', '-o', 'json', '--show-managed-fields'];
  const { items }: { readonly items: readonly Secret[] } = JSON.parse(await cluster.kubectl('get', 'secrets', ...all));
  const texts = Object.entries({
    objects: await cluster.kubectl('get', kinds.join(','), ...all),
    log: await operator.log(),
    metrics: await operator.metrics(),
  }).concat(
    items.map((secret) => [`Secret ${secret.metadata.namespace}/${secret.metadata.name}`, JSON.stringify(secret)]),
  );
  return (key) => {
    const encoded = Buffer.from(key).toString('base64');
    return texts.flatMap(([where, text]) => (text.includes(key) || text.includes(encoded) ? [where] : []));
  };
}
