import { describe, expect, it } from 'vitest';
import { slimNamespace, slimObject, slimSecret } from './slim-object.ts';

describe('slimObject', () => {
  it('keeps no annotations but ours, and everything else', () => {
    const metadata = { name: 's', namespace: 'a', uid: 'u', labels: { team: 'a' }, finalizers: ['f'] };
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', 'sharenet.io/paused': 'true' };
    const object = { apiVersion: 'v', kind: 'Share', metadata: { ...metadata, annotations }, spec: { size: '1Gi' } };
    expect(slimObject(object)).toEqual({
      ...object,
      metadata: { ...metadata, annotations: { 'sharenet.io/paused': 'true' } },
    });
    expect(slimObject({ metadata: { ...metadata, annotations: { 'sharenet.io.evil/x': 'y' } } })).toEqual({ metadata });
    expect(slimObject({ metadata })).toEqual({ metadata });
  });

  it('cuts what is too long to mean something', () => {
    const annotations = { 'sharenet.io/check-security-services': 'x'.repeat(250_000) };
    const kept = slimObject({ metadata: { name: 'n', annotations } }).metadata.annotations;
    expect(kept?.['sharenet.io/check-security-services']).toHaveLength(8192);
  });
});

describe('slimNamespace', () => {
  it('keeps uid and labels', () => {
    const metadata = { name: 'a', uid: 'u', labels: { team: 'a' } };
    expect(slimNamespace({ metadata: { ...metadata, annotations: { big: 'x' } } })).toEqual({ metadata });
  });
});

describe('slimSecret', () => {
  it('drops data that is larger than any password or key, so that it reads as missing', () => {
    const metadata = { name: 's', namespace: 'a', annotations: { 'sharenet.io/credentials-for': 'ad' } };
    const small = { metadata, data: { password: 'aHVudGVyMg==' } };
    expect(slimSecret(small)).toBe(small);
    expect(slimSecret({ metadata, data: { password: 'aHVudGVyMg==', padding: 'A'.repeat(65_536) } })).toEqual({
      metadata,
    });
    expect(slimSecret({ metadata })).toEqual({ metadata });
  });
});
