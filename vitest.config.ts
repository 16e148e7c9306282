import { defineConfig } from 'vitest/config';

// A later group starts when the one before it has ended: what measures time or starts control planes (about 320 MiB
// and a good part of two cores each) must not compete with the rest. `vitest run --project unit` runs one of them.

/** Integration tests that hold times against each other, or against a bound that is not far. */
const measuring = [
  'test/integration/runtime.test.ts',
  'test/integration/process/*.test.ts',
  'test/integration/tenancy/fairness.test.ts',
  'test/integration/admission/flood.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'test/{faults,fuzz}/**/*.test.ts'],
          // The first import of the client library in a worker alone can take seconds on a busy machine.
          testTimeout: 15_000,
          hookTimeout: 15_000,
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'kube',
          include: ['test/kube/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'api',
          include: ['test/api/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'integration',
          // The rest, so that no test is left out for standing in a new folder.
          include: ['test/**/*.test.ts'],
          exclude: ['test/{faults,fuzz,kube,api,e2e,delivery}/**', ...measuring],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'timed',
          include: measuring,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: 'delivery',
          // What people install and read: manifests, charts, dashboards, documentation.
          include: ['test/delivery/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'e2e-ceph',
          // On real storage, which is some processes more.
          include: ['test/e2e/ceph/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          sequence: { groupOrder: 5 },
        },
      },
      {
        test: {
          name: 'e2e-samba',
          include: ['test/e2e/samba/**/*.test.ts'],
          globalSetup: 'test/labs/machine/run-templates.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
