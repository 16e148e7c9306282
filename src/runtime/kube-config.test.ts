import { expect, test } from 'vitest';
import { connectionWarnings } from './kube-config.ts';

const cluster = (server: string, skipTLSVerify: boolean) => ({
  getCurrentCluster: () => ({ name: 'one', server, skipTLSVerify }),
});

test.each(['https://10.0.0.1:6443', 'HTTPS://10.0.0.1:6443'])(
  'says nothing of a verified connection to %s',
  (server) => {
    expect(connectionWarnings(cluster(server, false))).toEqual([]);
  },
);

test.each([
  ['https://10.0.0.1:6443', true, /insecure-skip-tls-verify.*certificate-authority/],
  ['http://10.0.0.1:8080', false, /http:\/\/10\.0\.0\.1:8080 has no TLS.*use https/],
  ['http://10.0.0.1:8080', true, /has no TLS/],
])('warns of %s with insecure-skip-tls-verify %s', (server, skip, text) => {
  const warnings = connectionWarnings(cluster(server, skip));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(text);
});
