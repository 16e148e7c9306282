import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { addAccessList } from './access-list.ts';
import { addAccessVolume } from './access-volume.ts';

/** Adds the commands about access rules. */
export function addAccess(program: Command, environment: Environment): void {
  const access = program.command('access').description('list access rules and their keys; make volumes of them');
  addAccessList(access, environment);
  addAccessVolume(access, environment);
}
