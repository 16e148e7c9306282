import { describe, expect, it } from 'vitest';
import type { ReservedCephxIDs } from '../api/v1alpha1/cephfs-backend.ts';
import type { LabelSelector, NamespaceSelection } from '../api/v1alpha1/label-selector.ts';
import type { AllowedSegment } from '../api/v1alpha1/network-segments.ts';
import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import { idsReservedFrom, namespaceAllowed, segmentAllowed } from './selection.ts';

describe('a selection of namespaces', () => {
  const labels = { team: 'red', tier: 'gold' };
  const selectors: [LabelSelector, boolean][] = [
    [{}, true],
    [{ matchLabels: { team: 'red' } }, true],
    [{ matchLabels: { team: 'blue' } }, false],
    [{ matchLabels: { team: 'red', zone: 'x' } }, false],
    [{ matchExpressions: [{ key: 'team', operator: 'In', values: ['blue', 'red'] }] }, true],
    [{ matchExpressions: [{ key: 'team', operator: 'In', values: ['blue'] }] }, false],
    [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['x'] }] }, false],
    [{ matchExpressions: [{ key: 'team', operator: 'In' }] }, false],
    [{ matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['blue'] }] }, true],
    [{ matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['red'] }] }, false],
    [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['x'] }] }, true],
    [{ matchExpressions: [{ key: 'team', operator: 'Exists' }] }, true],
    [{ matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, false],
    [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, false],
    [{ matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] }, true],
    [{ matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] }, false],
    [{ matchLabels: { team: 'red' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['gold'] }] }, false],
  ];
  it.each(selectors)('by %j chooses: %s', (selector, chosen) => {
    expect(namespaceAllowed({ from: 'Selector', selector }, labels)).toBe(chosen);
  });

  it.each<[NamespaceSelection | undefined, boolean]>([
    [undefined, true],
    [{ from: 'All' }, true],
    [{ from: 'All', selector: { matchLabels: { team: 'blue' } } }, true],
    [{ from: 'Selector' }, false],
  ])('%j chooses: %s', (selection, chosen) => {
    expect(namespaceAllowed(selection, labels)).toBe(chosen);
  });
});

describe('a segment', () => {
  const flat: ShareNetworkSubnet = { name: 's', networkType: 'flat', cidr: '10.0.5.0/24' };
  const vlan = (segmentationID: number): ShareNetworkSubnet => ({ ...flat, networkType: 'vlan', segmentationID });

  it('must be flat and without an id when nothing is said', () => {
    expect(segmentAllowed(flat, undefined, {})).toBe(true);
    expect(segmentAllowed({ ...flat, segmentationID: 1 }, undefined, {})).toBe(false);
    expect(segmentAllowed(vlan(1), undefined, {})).toBe(false);
    expect(segmentAllowed(flat, [], {})).toBe(false);
  });

  const cases: [ShareNetworkSubnet, AllowedSegment, boolean][] = [
    [vlan(1), { networkType: 'vlan' }, true],
    [vlan(1), { networkType: 'vxlan' }, false],
    [flat, { networkType: 'vlan' }, false],
    [vlan(7), { networkType: 'vlan', segmentationIDs: ['5', '7'] }, true],
    [vlan(6), { networkType: 'vlan', segmentationIDs: ['5', '7'] }, false],
    [vlan(100), { networkType: 'vlan', segmentationIDs: ['100-199'] }, true],
    [vlan(199), { networkType: 'vlan', segmentationIDs: ['100-199'] }, true],
    [vlan(200), { networkType: 'vlan', segmentationIDs: ['100-199'] }, false],
    [vlan(99), { networkType: 'vlan', segmentationIDs: ['100-199'] }, false],
    [vlan(1), { networkType: 'vlan', segmentationIDs: ['x', '1-', '-1', ''] }, false],
    [vlan(1), { networkType: 'vlan', segmentationIDs: [] }, false],
    [flat, { networkType: 'flat', segmentationIDs: ['0-9'] }, false],
    [flat, { networkType: 'flat', cidrs: ['10.0.0.0/16'] }, true],
    [flat, { networkType: 'flat', cidrs: ['10.0.5.0/24'] }, true],
    [flat, { networkType: 'flat', cidrs: ['10.0.5.0/25', '10.1.0.0/16', '::/0', 'x'] }, false],
    [{ ...flat, cidr: 'x' }, { networkType: 'flat', cidrs: ['0.0.0.0/0'] }, false],
    [flat, { networkType: 'flat', namespaces: { from: 'Selector', selector: { matchLabels: { team: 'red' } } } }, true],
    [
      flat,
      { networkType: 'flat', namespaces: { from: 'Selector', selector: { matchLabels: { team: 'blue' } } } },
      false,
    ],
  ];
  it.each(cases)('%j against %j: %s', (subnet, segment, allowed) => {
    expect(segmentAllowed(subnet, [segment], { team: 'red' })).toBe(allowed);
  });

  it('is flat where it has no networkType', () => {
    const { networkType: _, ...plain } = flat;
    expect(segmentAllowed(plain, undefined, {})).toBe(true);
    expect(segmentAllowed(plain, [{ networkType: 'flat' }], {})).toBe(true);
    expect(segmentAllowed(plain, [{ networkType: 'vlan' }], {})).toBe(false);
  });

  it('must satisfy one entry as a whole, not several in part', () => {
    const entries: AllowedSegment[] = [
      { networkType: 'vlan', segmentationIDs: ['1'], cidrs: ['10.1.0.0/16'] },
      { networkType: 'vlan', segmentationIDs: ['2'], cidrs: ['10.0.0.0/16'] },
    ];
    expect(segmentAllowed(vlan(1), entries, {})).toBe(false);
    expect(segmentAllowed(vlan(2), entries, {})).toBe(true);
  });
});

describe('cephx ids that a backend reserves', () => {
  const red: NamespaceSelection = { from: 'Selector', selector: { matchLabels: { team: 'red' } } };
  const reserved: readonly ReservedCephxIDs[] = [
    { ids: ['manila', 'red-only'], prefixes: ['ops-'] },
    { ids: ['red-only'], namespaces: red },
    { prefixes: ['red-'], namespaces: red },
    { prefixes: ['open-'], namespaces: { from: 'All' } },
  ];

  it.each<[id: string, forRed: boolean, forOthers: boolean]>([
    ['manila', true, true],
    ['Manila', false, false],
    ['manila2', false, false],
    ['ops-', true, true],
    ['ops-backup', true, true],
    ['ops', false, false],
    ['red-a', false, true],
    // One entry is enough to have it.
    ['red-only', false, true],
    ['open-a', false, false],
    ['alice', false, false],
  ])('%s is reserved from the red team: %s, from others: %s', (id, forRed, forOthers) => {
    expect(idsReservedFrom({ team: 'red' }, reserved)(id)).toBe(forRed);
    expect(idsReservedFrom({ team: 'blue' }, reserved)(id)).toBe(forOthers);
    // As long as the namespace is not known.
    expect(idsReservedFrom({}, reserved)(id)).toBe(forOthers);
  });
});
