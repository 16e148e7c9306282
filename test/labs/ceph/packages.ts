import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { missingPrograms, type NeededPackages } from '../debian-packages.ts';

/** Debian's, for which the packages below bring their modules; another that is first on the PATH has none of them. */
export const python = '/usr/bin/python3';

/** What a small cluster and its clients need. */
export const cephPackages: NeededPackages = {
  what: 'Ceph',
  packages: ['ceph-mon', 'ceph-mgr', 'ceph-osd', 'ceph-mds', 'librados2', 'python3-cephfs', 'python3-rados'],
  effort: 'about 65 MB and a minute',
  missing: async () => {
    const absent = [...(await missingPrograms(['ceph-mon', 'ceph-mgr', 'ceph-osd', 'ceph-mds', 'monmaptool']))];
    const modules = promisify(execFile)(python, ['-c', 'import cephfs, rados'], { timeout: 30_000 });
    await modules.catch(() => absent.push('the Python modules cephfs and rados'));
    return absent;
  },
};
