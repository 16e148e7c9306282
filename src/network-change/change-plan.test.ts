import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import type { SecurityService, SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import type { RecordedSecurityService, SecurityServiceReference } from '../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService, ShareServer } from '../api/v1alpha1/share-server.ts';
import { type ChangePlan, planChanges, sameContent } from './change-plan.ts';

const content = {
  dnsIPs: ['10.0.0.53'],
  domain: 'example.com',
  user: 'joiner',
  passwordSecretRef: { name: 'password' },
} satisfies Partial<SecurityServiceSpec>;

function service(type: SecurityServiceType, name: string, changes: ServiceChanges = {}): SecurityService {
  const { uid = `uid-${name}`, generation = 1, spec = {} } = changes;
  return { metadata: { name, uid, generation }, spec: { type, ...content, ...spec } };
}

function recorded(type: SecurityServiceType, name: string, uid = `uid-${name}`): RecordedSecurityService {
  return { type, name, uid, generation: 1 };
}

function server(applied: Partial<AppliedSecurityService> = {}, failed = false): ShareServer {
  const { passwordSecretRef: _, ...fields } = content;
  return {
    metadata: { name: 'server' },
    spec: { backendName: 'backend', shareNetworkName: 'net', subnetName: 'subnet' },
    status: {
      phase: failed ? 'error' : 'active',
      identifier: 'id',
      securityServices: [
        {
          type: 'active_directory',
          name: 'ad',
          uid: 'uid-ad',
          generation: 1,
          credentialsVersion: 'v1',
          ...fields,
          ...applied,
        },
      ],
      ...(failed ? { missedUpdate: 'Failed' } : {}),
    },
  };
}

function plan(
  references: readonly SecurityServiceReference[],
  association: readonly RecordedSecurityService[],
  services: readonly SecurityService[],
  {
    reapply = false,
    servers = [server()],
  }: { readonly reapply?: boolean; readonly servers?: readonly ShareServer[] } = {},
): ChangePlan {
  const network = {
    spec: { securityServices: references },
    status: { phase: 'active', securityServices: association },
  } as const;
  return planChanges(network, new Map(services.map((entry) => [entry.metadata.name, entry])), reapply, servers);
}

const ad: SecurityServiceReference = { type: 'active_directory', name: 'ad' };
const ldap: SecurityServiceReference = { type: 'ldap', name: 'ldap' };

describe('a plan', () => {
  it('of an unchanged association wants nothing', () => {
    const result = plan([ad], [recorded('active_directory', 'ad')], [service('active_directory', 'ad')]);
    expect(result).toMatchObject({ changes: [], removed: [], unresolved: [], wanted: false, silent: undefined });
  });

  it('of a network without services wants nothing', () => {
    expect(planChanges({ spec: {} }, new Map(), true, [])).toMatchObject({
      changes: [],
      wanted: false,
      association: [],
    });
  });

  it('adds a service of a new type', () => {
    const result = plan(
      [ad, ldap],
      [recorded('active_directory', 'ad')],
      [service('active_directory', 'ad'), service('ldap', 'ldap')],
    );
    expect(result.changes).toEqual([{ type: 'ldap', operation: 'add', to: recorded('ldap', 'ldap') }]);
    expect(result.association).toEqual([recorded('active_directory', 'ad'), recorded('ldap', 'ldap')]);
    expect(result.wanted).toBe(true);
  });

  it('replaces a service by another of its type', () => {
    const result = plan(
      [{ type: 'active_directory', name: 'ad2' }],
      [recorded('active_directory', 'ad')],
      [service('active_directory', 'ad'), service('active_directory', 'ad2')],
    );
    expect(result.changes).toEqual([
      {
        type: 'active_directory',
        operation: 'update',
        from: recorded('active_directory', 'ad'),
        to: recorded('active_directory', 'ad2'),
      },
    ]);
  });

  it('steps in the order of the spec', () => {
    const services = [service('active_directory', 'ad'), service('ldap', 'ldap'), service('kerberos', 'krb')];
    const krb: SecurityServiceReference = { type: 'kerberos', name: 'krb' };
    const result = plan([krb, ldap, ad], [], services);
    expect(result.changes.map(({ type }) => type)).toEqual(['kerberos', 'ldap', 'active_directory']);
  });

  it('does not mind another order of the same references', () => {
    const services = [service('active_directory', 'ad'), service('ldap', 'ldap')];
    const result = plan([ldap, ad], [recorded('active_directory', 'ad'), recorded('ldap', 'ldap')], services);
    expect(result).toMatchObject({ changes: [], wanted: false, silent: undefined });
  });

  it('lists what was removed', () => {
    const result = plan(
      [ad],
      [recorded('active_directory', 'ad'), recorded('ldap', 'ldap')],
      [service('active_directory', 'ad')],
    );
    expect(result).toMatchObject({ changes: [], removed: [recorded('ldap', 'ldap')], wanted: true });
    expect(result.association).toEqual([recorded('active_directory', 'ad')]);
  });

  it('does not start for a new generation', () => {
    const edited = service('active_directory', 'ad', { generation: 7, spec: { description: 'edited' } });
    const result = plan([ad], [recorded('active_directory', 'ad')], [edited]);
    expect(result).toMatchObject({
      wanted: false,
      silent: undefined,
      association: [recorded('active_directory', 'ad')],
    });
  });

  it('steps through unchanged services when a reapply is asked for, with present generations', () => {
    const result = plan(
      [ad],
      [recorded('active_directory', 'ad')],
      [service('active_directory', 'ad', { generation: 3 })],
      {
        reapply: true,
      },
    );
    const from = recorded('active_directory', 'ad');
    expect(result.changes).toEqual([
      { type: 'active_directory', operation: 'reapply', from, to: { ...from, generation: 3 } },
    ]);
    expect(result.wanted).toBe(true);
  });

  it('updates and reapplies in one change when both are asked for', () => {
    const result = plan(
      [ad, { type: 'ldap', name: 'ldap2' }],
      [recorded('active_directory', 'ad'), recorded('ldap', 'ldap')],
      [service('active_directory', 'ad'), service('ldap', 'ldap2')],
      { reapply: true },
    );
    expect(result.changes.map(({ operation }) => operation)).toEqual(['reapply', 'update']);
  });

  it('waits with a new reference that can not be resolved', () => {
    expect(plan([ad], [], [])).toMatchObject({ changes: [], unresolved: ['ad'], wanted: true, association: [] });
  });

  it('waits when the service that is to replace another does not exist yet', () => {
    const result = plan([{ type: 'active_directory', name: 'ad2' }], [recorded('active_directory', 'ad')], []);
    expect(result).toMatchObject({ changes: [], removed: [], unresolved: ['ad2'], wanted: true, association: [] });
  });

  it('asks for nothing because a recorded service is gone', () => {
    expect(plan([ad], [recorded('active_directory', 'ad')], [])).toMatchObject({
      changes: [],
      unresolved: ['ad'],
      wanted: false,
      association: [recorded('active_directory', 'ad')],
    });
  });

  it('gives every reference a place in the association and never a change without a difference', () => {
    const names = fc.constantFrom('a', 'b', 'c');
    const types = fc.constantFrom<SecurityServiceType>('active_directory', 'ldap', 'kerberos');
    const entries = fc.uniqueArray(fc.record({ type: types, name: names }), { selector: ({ type }) => type });
    fc.assert(
      fc.property(entries, entries, (references, before) => {
        const association = before.map(({ type, name }) => recorded(type, name));
        const services = references.map(({ type, name }) => service(type, name));
        const result = plan(references, association, services, { servers: [] });
        expect(result.association.map(({ type, name }) => ({ type, name }))).toEqual(references);
        for (const { type, operation, from, to } of result.changes) {
          expect(from).toEqual(association.find((entry) => entry.type === type));
          expect(operation).toBe(from === undefined ? 'add' : 'update');
          expect(from?.name).not.toBe(to.name);
        }
        const after = plan(references, result.association, services, { servers: [] });
        expect(after).toMatchObject({ changes: [], removed: [], wanted: false, silent: undefined });
      }),
    );
  });
});

describe('a service created again under its name', () => {
  const before = [recorded('active_directory', 'ad')];
  const again = (spec: Partial<SecurityServiceSpec> = {}): SecurityService[] => [
    service('active_directory', 'ad', { uid: 'uid-new', generation: 2, spec }),
  ];

  it('with equal content only gets its uid recorded', () => {
    const result = plan([ad], before, again({ description: 'from Git' }));
    expect(result).toMatchObject({ changes: [], wanted: false });
    expect(result.silent).toEqual([{ type: 'active_directory', name: 'ad', uid: 'uid-new', generation: 2 }]);
  });

  it('is recognised by its content also when that happens a second time', () => {
    const servers = [server({ uid: 'uid-of-long-ago' })];
    expect(plan([ad], before, again(), { servers }).silent).toHaveLength(1);
  });

  it.each<[string, Partial<SecurityServiceSpec>]>([
    ['domain', { domain: 'other.example.com' }],
    ['dnsIPs', { dnsIPs: ['10.0.0.53', '10.0.0.54'] }],
    ['servers', { servers: ['dc'] }],
    ['user', { user: 'other' }],
    ['ou', { ou: 'OU=x' }],
    ['defaultADSite', { defaultADSite: 'site' }],
  ])('with another %s is an update', (_, spec) => {
    const result = plan([ad], before, again(spec));
    expect(result.changes).toMatchObject([{ operation: 'update', from: { uid: 'uid-ad' }, to: { uid: 'uid-new' } }]);
    expect(result.silent).toBeUndefined();
  });

  it('is an update when one of the servers has other content, or none is left to tell', () => {
    expect(plan([ad], before, again(), { servers: [server(), server({ domain: 'x' })] }).changes).toHaveLength(1);
    expect(plan([ad], before, again(), { servers: [] }).changes).toHaveLength(1);
    expect(plan([ad], before, again(), { servers: [server({}, true)] }).changes).toHaveLength(1);
  });

  it('does not mind what a server has whose last update failed', () => {
    const result = plan([ad], before, again(), { servers: [server(), server({ domain: 'x' }, true)] });
    expect(result).toMatchObject({ changes: [], silent: [{ uid: 'uid-new' }] });
  });

  it('is part of the association of a change of another type', () => {
    const result = plan([ad, ldap], before, [...again(), service('ldap', 'ldap')]);
    expect(result.changes.map(({ type }) => type)).toEqual(['ldap']);
    expect(result.association.map(({ uid }) => uid)).toEqual(['uid-new', 'uid-ldap']);
    expect(result.silent).toBeUndefined();
  });
});

describe('content', () => {
  const [applied] = server().status?.securityServices ?? [];

  it('is the same for empty lists and none', () => {
    expect(sameContent(applied, { type: 'active_directory', ...content, servers: [] })).toBe(true);
  });

  it('differs when there is a password on one side only, in the type, and without a snapshot', () => {
    const { passwordSecretRef: _, ...bare } = content;
    expect(sameContent(applied, { type: 'active_directory', ...bare })).toBe(false);
    expect(sameContent(applied, { type: 'ldap', ...content })).toBe(false);
    expect(sameContent(undefined, { type: 'active_directory', ...content })).toBe(false);
  });
});

interface ServiceChanges {
  readonly uid?: string;
  readonly generation?: number;
  readonly spec?: Partial<SecurityServiceSpec>;
}
