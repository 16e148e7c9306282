/**
 * What the Ceph user of the operator must be allowed, as docs/cephfs.md lists it: the tests on a real cluster run with
 * exactly this.
 */
export const operatorCapabilities = {
  mon: 'allow r, allow command "auth get", allow command "auth caps", allow command "auth rm"',
  mgr: 'allow module volumes rw',
  mds: 'allow *',
} as const;
