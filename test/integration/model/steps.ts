import fc from 'fast-check';
import { type Overrides, specSchema, valuesOf } from '../../fuzz/schema-arbitrary.ts';

/** Names that objects refer to each other by; so few that they meet. */
export const names = {
  backends: ['handling', 'plain'],
  services: ['ad-0', 'ad-1', 'ldap-0', 'kerberos-0'],
  networks: ['net-0', 'net-1'],
  shares: ['share-0', 'share-1', 'share-2', 'share-3'],
  rules: Array.from({ length: 10 }, (_, index) => `rule-${index}`),
} as const;

/** Kinds that steps create, edit and delete. */
export type WrittenKind = keyof typeof names;

type Spec = Readonly<Record<string, unknown>>;

/** One thing that a person, the storage system or the machine does. `at` picks one of what there is. */
export type Step =
  | { readonly do: 'write'; readonly kind: WrittenKind; readonly name: string; readonly spec: Spec }
  | { readonly do: 'delete'; readonly kind: WrittenKind | 'servers'; readonly at: number }
  | { readonly do: 'reset'; readonly kind: 'networks' | 'servers'; readonly at: number; readonly phase: string }
  | { readonly do: 'pause'; readonly kind: WrittenKind | 'servers'; readonly at: number; readonly value: boolean }
  | { readonly do: 'support'; readonly at: number; readonly value: boolean }
  | { readonly do: 'faults'; readonly name: string; readonly faults: readonly Spec[] }
  | { readonly do: 'password'; readonly name: string; readonly password: string | undefined }
  | { readonly do: 'tamper'; readonly at: number; readonly how: 'delete' | 'alter' }
  | { readonly do: 'kill' | 'restart' };

const cidrs = ['10.20.0.0/24', '10.21.0.0/24', '2001:db8:1::/64'] as const;

/** Type of a service by its name, so that most references are right. */
function typeOfService(name: string): string {
  return name.startsWith('ad') ? 'active_directory' : name.startsWith('ldap') ? 'ldap' : 'kerberos';
}

const serviceName = fc.constantFrom(...names.services);
const seldom = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: rare });

const reference = serviceName.chain((name) =>
  fc.record({ name: fc.constant(name), type: seldom(fc.constant(typeOfService(name)), fc.constantFrom('ldap')) }),
);

const subnet = (index: 0 | 1 | 2): fc.Arbitrary<unknown> =>
  valuesOf(specSchema('sharenetworks').properties?.subnets?.items ?? {}, {
    name: fc.constant(`subnet-${index}`),
    availabilityZone: index === 0 ? undefined : fc.constant(`zone-${index}`),
    networkType: seldom<unknown>(fc.constant('flat'), fc.constant('vlan')),
    segmentationID: undefined,
    cidr: seldom<unknown>(fc.constant(cidrs[index]), fc.constantFrom(...cidrs)),
    gateway: undefined,
    mtu: undefined,
    allocationRanges: undefined,
  });

const networkFields: Overrides = {
  securityServices: fc.uniqueArray(reference, { maxLength: 3, selector: ({ type }) => type }),
  subnets: fc.oneof(
    fc.tuple(subnet(0)),
    fc.tuple(subnet(0)),
    fc.tuple(subnet(0), subnet(1)),
    fc.tuple(subnet(1), subnet(2), subnet(0)),
    fc.tuple(subnet(1)),
  ),
};

/** Where shares ask to be: most of them where they can. */
const places = seldom<{ network?: string | undefined; backend?: string | undefined; zone?: string | undefined }>(
  fc.oneof(
    fc.constantFrom({}, { backend: 'plain' }),
    fc.record({
      network: fc.constantFrom(...names.networks),
      backend: fc.constantFrom('handling', undefined),
      zone: seldom<string | undefined>(fc.constant(undefined), fc.constantFrom('zone-1', 'zone-2')),
    }),
    fc.record({ network: fc.constantFrom(...names.networks) }),
  ),
  fc.record({ network: fc.constantFrom(...names.networks, undefined), backend: fc.constantFrom(...names.backends) }),
);

const sizes = fc.oneof(
  fc.constantFrom('1Gi', '2Gi', '10Gi', '1.5Gi', '3e9', '4000M'),
  fc.bigInt({ min: 2n ** 20n, max: 2n ** 40n }).map(String),
);

const targets: Readonly<Record<string, readonly string[]>> = {
  ip: ['10.0.0.1', '10.0.0.1/32', '10.0.0.0/24', '2001:db8::1', '2001:DB8:0::1'],
  user: ['alice', 'robert', 'Domain Users'],
  cert: ['host-a', 'host-b.example.com'],
  cephx: ['alice', 'robert', 'client-7', 'admin'],
};

const ruleSpec = fc.constantFrom('ip', 'user', 'cert', 'cephx', 'cephx').chain((type) =>
  valuesOf(specSchema('shareaccesses'), {
    shareName: fc.constantFrom(...names.shares),
    accessType: fc.constant(type),
    accessTo: fc.constantFrom(...(targets[type] ?? [])),
  }),
);

const serviceSpec = (name: string): fc.Arbitrary<unknown> => {
  const { properties = {}, ...schema } = specSchema('securityservices');
  const complete = ['type', 'dnsIPs', 'domain', 'user', 'passwordSecretRef', 'servers'];
  const overrides: Overrides = {
    type: seldom<unknown>(fc.constant(typeOfService(name)), fc.constantFrom('ldap', 'kerberos')),
    dnsIPs: fc.array(fc.ipV4(), { minLength: 1, maxLength: 3 }),
    passwordSecretRef: fc.constant({ name: `${name}-password` }),
    defaultADSite: undefined,
  };
  return seldom<unknown>(
    valuesOf({ ...schema, properties, required: complete }, overrides),
    valuesOf({ ...schema, properties }, overrides),
  );
};

const backendFields: Overrides = {
  driver: fc.constant('dummy'),
  allowedNamespaces: undefined,
  allowedSegments: undefined,
  maxSharesPerShareServer: fc.integer({ min: 1, max: 3 }),
  operationTimeout: fc.constant('1s'),
  changeTimeout: fc.constant('10s'),
  unusedShareServerTimeout: fc.constantFrom('200ms', '500ms'),
  allowAbandon: fc.constant(false),
  cephfs: undefined,
  samba: undefined,
  parameters: undefined,
  'dummy.driverHandlesShareServers': undefined,
  'dummy.securityServiceTypes': undefined,
  'dummy.shareProtocols': undefined,
  'dummy.accessKeys': undefined,
  'dummy.latency': fc.constantFrom('0s', '5ms', '50ms'),
  'dummy.stateDirectory': undefined,
  'dummy.accessKeyLength': fc.integer({ min: 8, max: 255 }),
  'dummy.faults': undefined,
};

const specs: Readonly<Record<WrittenKind, (name: string) => fc.Arbitrary<unknown>>> = {
  backends: () => {
    const { required: _, ...schema } = specSchema('storagebackends');
    return valuesOf(
      { ...schema, required: ['driver', 'operationTimeout', 'changeTimeout', 'unusedShareServerTimeout', 'dummy'] },
      backendFields,
    );
  },
  services: serviceSpec,
  networks: () => valuesOf({ ...specSchema('sharenetworks'), required: ['subnets'] }, networkFields),
  shares: () =>
    places.chain(({ network, backend, zone }) =>
      valuesOf(
        {
          ...specSchema('shares'),
          required: ['protocol', 'size', 'shareNetworkName', 'backendName', 'availabilityZone'],
        },
        {
          size: sizes,
          shareNetworkName: network === undefined ? undefined : fc.constant(network),
          backendName: backend === undefined ? undefined : fc.constant(backend),
          availabilityZone: zone === undefined ? undefined : fc.constant(zone),
          requiredCapabilities: undefined,
          deletionPolicy: fc.constant('Delete'),
        },
      ),
    ),
  rules: () => ruleSpec,
};

const operations = [
  'setupServer',
  'teardownServer',
  'createShare',
  'extendShare',
  'shrinkShare',
  'deleteShare',
  'updateAccess',
  'ensureShare',
  'ensureServer',
  'checkUpdateShareServerSecurityService',
  'updateShareServerSecurityService',
  'getCapabilities',
];

const fault = valuesOf(specSchema('storagebackends').properties?.dummy?.properties?.faults?.items ?? {}, {
  operation: fc.constantFrom(...operations),
  match: fc.oneof(
    fc.constant({}),
    fc.record({ share: fc.constantFrom(...names.shares) }),
    fc.record({ accessTo: fc.constantFrom('alice', '10.0.0.1') }),
    fc.record({ securityService: serviceName }),
  ),
  kind: fc.constantFrom(
    'rejected',
    'unavailable',
    'unavailable',
    'hang',
    'incompatible',
    'ruleError',
    'inProgress',
    'inProgress',
  ),
  message: undefined,
  times: fc.integer({ min: 0, max: 3 }),
}) as fc.Arbitrary<Spec>;

const written = fc.oneof(
  { weight: 6, arbitrary: fc.constant<WrittenKind>('rules') },
  { weight: 4, arbitrary: fc.constant<WrittenKind>('shares') },
  { weight: 3, arbitrary: fc.constant<WrittenKind>('networks') },
  { weight: 3, arbitrary: fc.constant<WrittenKind>('services') },
  { weight: 1, arbitrary: fc.constant<WrittenKind>('backends') },
);

/** Creates an object, or edits the one of that name. */
const write: fc.Arbitrary<Step> = written.chain((kind) =>
  fc
    .constantFrom(...names[kind])
    .chain((name) => specs[kind](name).map((spec): Step => ({ do: 'write', kind, name, spec: spec as Spec }))),
);

const at = fc.nat({ max: 1000 });
const anyKind = fc.constantFrom<WrittenKind | 'servers'>('rules', 'shares', 'networks', 'services', 'servers');

/** What happens next. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 65, arbitrary: write },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant('delete' as const),
      kind: fc.oneof(
        {
          weight: 20,
          arbitrary: fc.constantFrom<WrittenKind>(
            'rules',
            'rules',
            'rules',
            'shares',
            'shares',
            'networks',
            'services',
          ),
        },
        { weight: 1, arbitrary: fc.constantFrom<WrittenKind | 'servers'>('servers', 'backends') },
      ),
      at,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('reset' as const),
      kind: fc.constantFrom('networks' as const, 'servers' as const),
      at,
      phase: fc.constantFrom('active', 'error', 'network_change'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pause' as const), kind: anyKind, at, value: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('support' as const), at, value: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('faults' as const),
      name: fc.constantFrom(...names.backends),
      faults: fc.array(fault, { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('password' as const),
      name: serviceName,
      password: fc.option(fc.stringMatching(/^[ -~]{1,20}$/), { nil: undefined, freq: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('tamper' as const),
      at,
      how: fc.constantFrom('delete' as const, 'alter' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'restart' as const) }) },
);
