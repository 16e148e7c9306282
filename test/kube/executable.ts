import { access, constants } from 'node:fs/promises';

/** Whether the file is there and this user may run it. */
export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
