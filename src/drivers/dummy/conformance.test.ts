import { describeDriverConformance } from '../conformance.ts';
import { createDummyFixture } from './conformance-fixture.ts';

describeDriverConformance('dummy', await createDummyFixture());
describeDriverConformance('dummy-rotating-keys', await createDummyFixture({ rotateKeysOnUpdate: true }));
describeDriverConformance(
  'dummy-without-share-servers',
  await createDummyFixture({ driverHandlesShareServers: false }),
);
