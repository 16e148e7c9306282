import { expect, test } from 'vitest';
import { WebhookMetrics } from '../../src/admission/webhook-metrics.ts';
import { DriverCallMetrics } from '../../src/controllers/driver-calls/driver-call-metrics.ts';
import { OperatorMetrics } from '../../src/controllers/metrics/operator-metrics.ts';
import { RuntimeMetrics } from '../../src/runtime/metrics.ts';
import { ManualClock } from './manual-clock.ts';

/** Whose labels are known only when something happens: codes, hosts and resources of requests. */
const unknownBefore = [
  'rest_client_refused_writes_total',
  'rest_client_requests_total',
  'rest_client_resource_requests_total',
];

test('every counter has series at zero before anything happens', async () => {
  const runtime = new RuntimeMetrics();
  const { registry } = runtime;
  new WebhookMetrics(registry);
  new OperatorMetrics(registry, new ManualClock());
  new DriverCallMetrics(registry).track('backend');
  runtime.trackController('share');
  runtime.trackReflector('shares');
  for (const counter of [runtime.queueAdds, runtime.queueRetries])
    counter.inc({ name: 'share', controller: 'share' }, 0);
  const metrics = await registry.getMetricsAsJSON();
  const counters = metrics.filter(({ type }) => String(type) === 'counter');
  expect(counters.length).toBeGreaterThan(10);
  const empty = counters.filter(({ values }) => values.length === 0).map(({ name }) => name);
  expect(empty.sort()).toEqual(unknownBefore);
  // An operator without the webhook has none of these: here they are.
  const text = await registry.metrics();
  for (const code of ['200', '400', '403', '409', '422']) {
    expect(text).toContain(`sharenet_admission_requests_total{resource="shares",operation="CREATE",code="${code}"} 0`);
  }
  expect(text).toContain('controller_runtime_webhook_requests_total{webhook="/validate",code="500"} 0');
  expect(counters.flatMap(({ values }) => values.map(({ value }) => value)).filter((value) => value !== 0)).toEqual([]);
});

test('a backend that is gone leaves no series behind', async () => {
  const { registry } = new RuntimeMetrics();
  const metrics = new DriverCallMetrics(registry);
  metrics.track('gone');
  const call = metrics.begin('gone', 'createShare');
  call.timedOut();
  call.finished('Unavailable');
  call.settled();
  expect(await registry.metrics()).toContain('backend="gone"');
  metrics.forget('gone');
  expect(await registry.metrics()).not.toContain('backend="gone"');
});
