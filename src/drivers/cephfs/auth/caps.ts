import type { CephLevel, Subvolume, SubvolumeAddress } from '../subvolumes/subvolumes.ts';

/** Capabilities of a Ceph user by the type of daemon, as Ceph writes them. */
export type Caps = Readonly<Record<string, string>>;

/** A share that capabilities give access to, read from its path. */
export interface GrantedShare {
  /** undefined where the capabilities are for the path on each file system. */
  readonly fsName: string | undefined;
  readonly group: string;
  readonly name: string;
  readonly path: string;
  readonly level: CephLevel;
}

/** The part of a subvolume that capabilities name. */
export type CapsTarget = Pick<Subvolume, 'fsName' | 'path' | 'dataPool' | 'poolNamespace'>;

const levels = ['r', 'rw'] as const satisfies readonly CephLevel[];
const monCaps = 'allow r';
// Names as Ceph reads them without quotes: `*` stands for any end of a name, and `;` ends a grant as `,` does.
const word = '[A-Za-z0-9_][-A-Za-z0-9_.]*';
const pathGrant = new RegExp(`^allow (r|rw)(?: fsname=(${word}))? path=(/volumes/(${word})/(${word})(?:/${word})?)$`);
const poolGrant = /^allow (?:r|rw) pool=([-A-Za-z0-9_./]+) namespace=([-A-Za-z0-9_./]+)$/;

/** The shares that an id has access to. */
export function grantedShares(caps: Caps): readonly GrantedShare[] {
  return grantsOf(caps.mds).flatMap((grant) => {
    const [, level, fsName, path, group, name] = pathGrant.exec(grant) ?? [];
    if (path === undefined || group === undefined || name === undefined) return [];
    return [{ fsName, group, name, path, level: level === 'rw' ? 'rw' : 'r' } as const];
  });
}

/**
 * Whether an id may do more than what authorizing it on subvolumes gives. Someone else then uses it: its key is not for a
 * tenant, even if Ceph's records say that the id is theirs.
 */
export function exceedsShares({ mds, osd, mon, ...others }: Caps): boolean {
  return (
    Object.keys(others).length > 0 ||
    (mon !== undefined && mon !== monCaps) ||
    grantsOf(mds).some((grant) => !pathGrant.test(grant)) ||
    grantsOf(osd).some((grant) => !poolGrant.test(grant))
  );
}

/** The capabilities with access to the share at this level, and no other one to it. */
export function capsWith(caps: Caps, share: CapsTarget, level: CephLevel): Caps {
  return {
    ...caps,
    mon: caps.mon ?? monCaps,
    mds: replaced(caps.mds, isPathOf(share), { level, path: share.path }),
    osd: replaced(caps.osd, isPoolOf(share), { level, pool: poolOf(share) }),
  };
}

/** The capabilities without access to the share; undefined when nothing is left that an id could be used for. */
export function capsWithout(caps: Caps, share: CapsTarget): Caps | undefined {
  const { mds: _, osd: __, ...others } = caps;
  const mds = replaced(caps.mds, isPathOf(share));
  const osd = replaced(caps.osd, isPoolOf(share));
  if (mds === '' && !exceedsShares(caps)) return undefined;
  return { ...others, mon: caps.mon ?? monCaps, ...(mds === '' ? {} : { mds }), ...(osd === '' ? {} : { osd }) };
}

/**
 * How capabilities name a subvolume that can't be asked for because it is gone: the path has its name, and so has the RADOS
 * namespace. Only for names that no other object has. Undefined when they do not.
 */
export function lostTarget(caps: Caps, { fsName, group, name }: SubvolumeAddress): CapsTarget | undefined {
  const shares = grantedShares(caps).filter((share) => isOn(share, fsName));
  const path = shares.find((share) => share.group === group && share.name === name)?.path;
  const pools = grantsOf(caps.osd).map((grant) => poolGrant.exec(grant));
  const [, dataPool, poolNamespace] = pools.find((pool) => pool?.[2]?.endsWith(`_${name}`)) ?? [];
  if (path === undefined && poolNamespace === undefined) return undefined;
  return { fsName, path: path ?? '', dataPool: dataPool ?? '', poolNamespace: poolNamespace ?? '' };
}

/** The level of the first access to the share's path; undefined without any. */
export function grantedLevel(caps: Caps, { path, fsName }: CapsTarget): CephLevel | undefined {
  return grantedShares(caps).find((granted) => granted.path === path && isOn(granted, fsName))?.level;
}

/** Whether anything in the capabilities gives access to the share. */
export function grantsShare(caps: Caps, share: CapsTarget): boolean {
  return grantsOf(caps.mds).some(isPathOf(share)) || grantsOf(caps.osd).some(isPoolOf(share));
}

/** Whether two sets of capabilities are the same to the letter, whatever the order of the daemons. */
export function sameCaps(left: Caps, right: Caps): boolean {
  const daemons = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...daemons].every((daemon) => left[daemon] === right[daemon]);
}

function isPathOf(share: CapsTarget): (grant: string) => boolean {
  return (grant) => grantedLevel({ mds: grant }, share) !== undefined;
}

function isOn(granted: GrantedShare, fsName: string): boolean {
  return granted.fsName === undefined || granted.fsName === fsName;
}

function isPoolOf(share: CapsTarget): (grant: string) => boolean {
  const grants: readonly string[] = levels.map((level) => `allow ${level} pool=${poolOf(share)}`);
  return (grant) => grants.includes(grant);
}

function poolOf({ dataPool, poolNamespace }: CapsTarget): string {
  return `${dataPool}${poolNamespace === '' ? '' : ` namespace=${poolNamespace}`}`;
}

/** What a share is granted with. */
type WantedGrant = { readonly level: CephLevel } & ({ readonly path: string } | { readonly pool: string });

/** Takes a share's grants out of a list; the one that is wanted stays as Ceph wrote it, or is put in the place of the first. */
function replaced(list: string | undefined, isOfShare: (grant: string) => boolean, wanted?: WantedGrant): string {
  const grants = grantsOf(list);
  const left = grants.filter((grant) => !isOfShare(grant));
  if (wanted === undefined) return left.join(',');
  const atLevel = (grant: string): boolean => isOfShare(grant) && grant.split(' ')[1] === wanted.level;
  const target = 'path' in wanted ? `path=${wanted.path}` : `pool=${wanted.pool}`;
  const place = grants.findIndex(isOfShare);
  const grant = grants.find(atLevel) ?? `allow ${wanted.level} ${target}`;
  return left.toSpliced(place === -1 ? left.length : place, 0, grant).join(',');
}

function grantsOf(list: string | undefined): readonly string[] {
  return (list ?? '')
    .split(',')
    .map((grant) => grant.trim())
    .filter((grant) => grant !== '');
}
