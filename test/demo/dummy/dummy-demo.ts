import type { Demo } from '../story.ts';
import { grantAccess } from './access-keys.ts';
import { stopAfterFirstFailure } from './canary.ts';
import { failOneServer } from './failed-server.ts';
import { changeSecurityService } from './network-change.ts';
import { resetAndRepair } from './reset-and-repair.ts';
import { DummyStorage } from './storage.ts';

/** Directories of networks in use, and access keys, on a storage system that is only pretended. */
export const dummyDemo: Demo = {
  prepare: async () => {},
  open: async (stage) => {
    const storage = new DummyStorage(stage);
    return {
      chapters: [
        { title: '1. Shares, and the keys to mount them', tell: () => grantAccess(stage, storage) },
        { title: '2. Another directory for a network in use', tell: () => changeSecurityService(stage) },
        { title: '3. One server fails', tell: () => failOneServer(stage, storage) },
        {
          title: '4. A careful change stops after its first failure',
          tell: () => stopAfterFirstFailure(stage, storage),
        },
        { title: '5. Resetting a status, and a lost Secret', tell: () => resetAndRepair(stage) },
      ],
      invitation: [
        'kubectl explain sharenetwork.spec                      # every field is described',
        'kubectl edit sharenetwork net-1                        # name ad-a or ad-b and watch:',
        'kubectl get shareservers --watch',
        'kubectl delete shareaccess scratch-batch               # its Secret goes with it',
        `tail -f ${storage.callLog}`,
      ],
      close: async () => {},
    };
  },
};
