import { describe, expect, it } from 'vitest';
import { maxKeptFinalizers, slimNamespace, slimObject, slimSecret } from './slim-object.ts';

const large = (length: number): string => 'A'.repeat(length);

describe('slimObject', () => {
  it('keeps no labels and annotations but ours, and everything else', () => {
    const metadata = { name: 's', namespace: 'a', uid: 'u', finalizers: ['f'], ownerReferences: [] };
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', 'sharenet.io/paused': 'true' };
    const labels = { team: 'a', 'sharenet.io/access-key': 'true' };
    const object = {
      apiVersion: 'v',
      kind: 'Share',
      metadata: { ...metadata, annotations, labels },
      spec: { size: '1Gi' },
    };
    expect(slimObject(object)).toEqual({
      ...object,
      metadata: {
        ...metadata,
        annotations: { 'sharenet.io/paused': 'true' },
        labels: { 'sharenet.io/access-key': 'true' },
      },
    });
    expect(slimObject({ metadata: { ...metadata, annotations: { 'sharenet.io.evil/x': 'y' } } })).toEqual({ metadata });
    expect(slimObject({ metadata })).toEqual({ metadata });
  });

  it('cuts what is too long to mean something', () => {
    const annotations = { 'sharenet.io/check-security-services': large(250_000) };
    const kept = slimObject({ metadata: { name: 'n', annotations } }).metadata.annotations;
    expect(kept?.['sharenet.io/check-security-services']).toHaveLength(8192);
  });

  it('keeps few of very many finalizers and owners, ours among them', () => {
    const finalizers = Array.from({ length: 10_000 }, (_, index) => `example.org/f${index}`);
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u' };
    const ours = { apiVersion: 'sharenet.io/v1alpha1', kind: 'ShareAccess', name: 'r', uid: 'u-r' };
    const ownerReferences = [...Array.from({ length: 10_000 }, () => owner), ours];
    const kept = slimObject({
      metadata: { name: 'n', finalizers: [...finalizers, 'sharenet.io/finalizer'], ownerReferences },
    }).metadata;
    expect(kept.finalizers).toHaveLength(maxKeptFinalizers);
    expect(kept.finalizers).toContain('sharenet.io/finalizer');
    expect(kept.ownerReferences).toHaveLength(16);
    expect(kept.ownerReferences?.[0]).toEqual(ours);
    expect(slimObject({ metadata: { name: 'n', finalizers } }).metadata.finalizers).not.toContain(
      'sharenet.io/finalizer',
    );
  });
});

describe('slimNamespace', () => {
  it('keeps uid and all labels: without one a selector could take it', () => {
    const metadata = { name: 'a', uid: 'u', labels: { team: 'a' } };
    expect(slimNamespace({ metadata: { ...metadata, annotations: { big: 'x' } } })).toEqual({ metadata });
  });
});

describe('slimSecret', () => {
  const metadata = { name: 's', namespace: 'a', annotations: { 'sharenet.io/credentials-for': 'ad' } };

  it('keeps what a password or a key needs', () => {
    const small = { metadata, data: { password: 'aHVudGVyMg==' } };
    expect(slimSecret(small)).toEqual(small);
    expect(slimSecret({ metadata })).toEqual({ metadata });
  });

  it('keeps the password beside what is larger, and says that something is missing', () => {
    const secret = { metadata, data: { bundle: large(65_536), password: 'aHVudGVyMg==' } };
    const kept = { metadata, data: { password: 'aHVudGVyMg==' }, partial: true };
    expect(slimSecret(secret)).toEqual(kept);
    expect(slimSecret(slimSecret(secret))).toEqual(kept);
  });

  it.each([
    ['one value', { password: large(1_000_000) }],
    ['many values', Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, large(200)]))],
    ['many names', Object.fromEntries(Array.from({ length: 4000 }, (_, index) => [`${large(240)}${index}`, '']))],
  ])('keeps at most 8 KiB of %s, labels and annotations with it', (_, data) => {
    const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`l${index}`, large(63)]));
    const kept = slimSecret({ metadata: { ...metadata, labels }, data });
    expect(JSON.stringify(kept).length).toBeLessThan(9_500);
    expect(kept.partial).toBe(true);
  });
});
