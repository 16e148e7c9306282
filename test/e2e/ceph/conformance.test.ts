import { createCephFSFixture } from '../../../src/drivers/cephfs/conformance-fixture.ts';
import { describeDriverConformance } from '../../../src/drivers/conformance.ts';
import { startCeph } from '../../labs/ceph/ceph-lab.ts';
import { testClusterOf } from './test-cluster.ts';

describeDriverConformance('cephfs', createCephFSFixture(await testClusterOf(await startCeph())));
