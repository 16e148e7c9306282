import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Breakage, brokenDrivers } from './conformance/broken-drivers.ts';
import type { ConformanceFixture } from './conformance/fixture.ts';
import { createReport, writeReport } from './conformance/report.ts';
import { runConformanceCase } from './conformance/run-case.ts';
import { conformanceCases } from './conformance.ts';
import { createDummyFixture } from './dummy/conformance-fixture.ts';

for (const { name, breakage, findings } of brokenDrivers) {
  test(`the suite finds out a driver that ${name}`, { timeout: 60_000 }, async () => {
    const fixture = await createDummyFixture();
    onTestFinished(() => fixture.cleanup?.());
    const broken = breakFixture(fixture, breakage);
    for (const finding of findings) {
      const conformanceCase = caseNamed(finding);
      expect((await runConformanceCase(conformanceCase, fixture)).outcome).toMatchObject({ result: 'passed' });
      expect((await runConformanceCase(conformanceCase, broken)).outcome).toMatchObject({ result: 'failed' });
    }
  });
}

test('a driver that can not be opened fails every case instead of the run', async () => {
  const fixture = await createDummyFixture();
  onTestFinished(() => fixture.cleanup?.());
  const closed: ConformanceFixture = { ...fixture, openDriver: () => Promise.reject(new Error('no route to host')) };
  const { outcome } = await runConformanceCase(caseNamed('capabilities are well-formed'), closed);
  expect(outcome).toMatchObject({ result: 'failed', message: 'the driver could not be opened: no route to host' });
});

test('a fixture without a part that the capabilities call for fails instead of skipping', async () => {
  const { newKeyedRule: _, ...fixture } = await createDummyFixture();
  onTestFinished(() => fixture.cleanup?.());
  const { outcome } = await runConformanceCase(caseNamed('a change of level keeps the key'), fixture);
  expect(outcome).toMatchObject({ result: 'failed' });
});

test('the report holds capabilities, versions and what became of each case', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sharenet-report-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const fixture = await createDummyFixture();
  onTestFinished(() => fixture.cleanup?.());
  const { outcome, capabilities } = await runConformanceCase(caseNamed('capabilities are well-formed'), fixture);
  const report = createReport('vendor.example/name', [outcome], capabilities, { storage: '1.2' });
  const path = await writeReport(report, directory);
  expect(path).toBe(join(directory, 'conformance-vendor.example-name.json'));
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
    driver: 'vendor.example/name',
    versions: { node: process.version, storage: '1.2' },
    capabilities: { networkAllocationsPerServer: 1 },
    passed: 1,
    failed: 0,
    skipped: 0,
    cases: [{ name: 'capabilities are well-formed', result: 'passed' }],
  });
});

function caseNamed(name: string): (typeof conformanceCases)[number] {
  const found = conformanceCases.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`there is no case "${name}"`);
  return found;
}

function breakFixture(fixture: ConformanceFixture, breakage: Breakage): ConformanceFixture {
  const breaking =
    (open: ConformanceFixture['openDriver']): ConformanceFixture['openDriver'] =>
    async (logger) => {
      const driver = await open(logger);
      const replaced = breakage(driver, logger);
      return new Proxy(driver, {
        get: (target, property) => {
          const replacement: unknown = Reflect.get(replaced, property);
          if (replacement !== undefined) return replacement;
          const method: unknown = Reflect.get(target, property);
          return typeof method === 'function' ? method.bind(target) : method;
        },
      });
    };
  return {
    ...fixture,
    openDriver: breaking(fixture.openDriver),
    ...(fixture.openSlowDriver === undefined ? {} : { openSlowDriver: breaking(fixture.openSlowDriver) }),
  };
}
