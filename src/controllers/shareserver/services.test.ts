import { expect, it } from 'vitest';
import { createOperatorRig } from '../../../test/faults/operator-rig.ts';
import { secretData } from '../../runtime/core-types.ts';
import { formerService } from './services.ts';

it('passes the password of a former service only to destinations that its Secret names', async () => {
  await using rig = await createOperatorRig();
  const { operator } = rig;
  const namespace = 'tenant';
  const domain = 'corp.example.com';
  operator.informers.credentials.cache.observe({
    metadata: {
      name: 'pw',
      namespace,
      uid: 'uid-pw',
      resourceVersion: '1',
      labels: { 'sharenet.io/credentials': 'true' },
      annotations: { 'sharenet.io/credentials-destinations': domain },
    },
    data: secretData({ password: 'hunter2' }),
  });
  operator.informers.securityServices.cache.observe({
    metadata: { name: 'ad', namespace, uid: 'uid-ad', resourceVersion: '1' },
    spec: { type: 'active_directory', domain, passwordSecretRef: { name: 'pw' } },
  });
  const applied = { type: 'active_directory', name: 'ad', uid: 'uid-ad', generation: 1 } as const;
  expect(formerService({ operator, namespace }, { ...applied, domain }).secret).toBe('hunter2');
  // It was edited since: what is passed is the server's own record, and so is what is judged.
  expect(formerService({ operator, namespace }, { ...applied, domain: 'evil.example.com' }).secret).toBeUndefined();
});
