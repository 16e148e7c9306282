import { parse } from 'yaml';
import { z } from 'zod';

const labels = z.record(z.string(), z.string());
const metadata = z.object({ name: z.string(), namespace: z.string().optional(), labels: labels.optional() });
const selector = z.strictObject({ matchLabels: labels });

const port = z.strictObject({ protocol: z.enum(['TCP', 'UDP']), port: z.int(), endPort: z.int().optional() });
const peer = z.union([
  z.strictObject({ ipBlock: z.strictObject({ cidr: z.string() }) }),
  z.strictObject({ namespaceSelector: selector }),
]);

const containerSchema = z.looseObject({
  image: z.string(),
  args: z.array(z.string()),
  ports: z.array(z.object({ name: z.string(), containerPort: z.int() })),
  resources: z.object({ requests: labels, limits: labels }),
});

/** What tests look at; the API server and kubectl-validate look at the rest. */
const objectSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('Deployment'),
    metadata,
    spec: z.looseObject({
      replicas: z.int(),
      selector,
      template: z.object({
        metadata: z.object({ labels }),
        spec: z.looseObject({
          containers: z.tuple([containerSchema]),
          topologySpreadConstraints: z.array(z.looseObject({ labelSelector: selector })),
        }),
      }),
    }),
  }),
  z.object({
    kind: z.literal('Service'),
    metadata,
    spec: z.object({
      selector: labels,
      ports: z.array(z.object({ name: z.string(), port: z.int(), targetPort: z.union([z.int(), z.string()]) })),
      publishNotReadyAddresses: z.boolean().optional(),
    }),
  }),
  z.object({ kind: z.literal('ServiceAccount'), metadata }),
  z.object({ kind: z.literal('PodDisruptionBudget'), metadata, spec: z.looseObject({ selector }) }),
  // Strict, since what is overlooked in a policy may open or close something.
  z.object({
    kind: z.literal('NetworkPolicy'),
    metadata,
    spec: z.strictObject({
      podSelector: selector,
      policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
      ingress: z.array(z.strictObject({ from: z.array(peer).optional(), ports: z.array(port).optional() })).optional(),
      egress: z.array(z.strictObject({ to: z.array(peer).optional(), ports: z.array(port).optional() })).optional(),
    }),
  }),
]);

type KnownObject = z.infer<typeof objectSchema>;
type Kind = KnownObject['kind'];

/** A rendered object of a kind. */
export type Rendered<K extends Kind> = Extract<KnownObject, { kind: K }>;

/** The documents of a text. */
export function documentsOf(text: string): readonly string[] {
  return text.split(/^---\n/m);
}

/** The objects of a kind in a text of YAML documents. @throws when one is not of the form that tests know */
export function rendered<K extends Kind>(text: string, kind: K): readonly Rendered<K>[] {
  return (
    documentsOf(text)
      // The CRDs are long: what is of another kind is not parsed.
      .filter((document) => new RegExp(`^kind: ${kind}$`, 'm').test(document))
      .map((document) => objectSchema.parse(parse(document)))
      .filter((object): object is Rendered<K> => object.kind === kind)
  );
}

/** The operator's Deployment. */
export function deploymentOf(text: string): Rendered<'Deployment'> {
  const [deployment, ...others] = rendered(text, 'Deployment');
  if (deployment === undefined || others.length > 0) throw new Error('there is not exactly one Deployment');
  return deployment;
}
