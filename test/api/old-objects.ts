import { subnets } from './valid-specs.ts';

/** An object that today's rules, patterns or bounds refuse. */
export interface OldObject {
  readonly name: string;
  /** Changes of the kind's valid spec. */
  readonly spec: object;
}

/** One object of each kind from the time before the rules. */
export const oldObjects: ReadonlyMap<string, OldObject> = new Map(
  Object.entries<OldObject>({
    StorageBackend: { name: 'old', spec: { dummy: undefined, operationTimeout: '0s', maxConcurrentOperations: 0 } },
    SecurityService: { name: 'old', spec: { domain: '%m', dnsIPs: ['dns'], servers: ['-x'], defaultADSite: '@site' } },
    ShareNetwork: {
      name: 'old',
      spec: subnets({ cidr: '10.0.0.1/24', segmentationID: 0, gateway: 'router' }, { name: 'b' }),
    },
    ShareServer: { name: 'old', spec: { subnetName: 'Not A Label' } },
    Share: { name: 'old', spec: { size: 'large', availabilityZone: ' ' } },
    ShareAccess: { name: `old-${'a'.repeat(246)}`, spec: { accessTo: '10.0.0.1/8' } },
  }),
);
