import { isAbsolute } from 'node:path';
import { z } from 'zod';

/** Checks the backend's part of the StorageBackend spec. Say what is wrong with a value in words that help whoever wrote it. */
export const templateConfigSchema = z.strictObject({
  /** Yours: the address of the storage system, and how to know that it is the right one. */
  directory: z.string().refine((path) => isAbsolute(path), { error: 'must be an absolute path' }),
  /** Yours: the name of the Secret in the operator's namespace that the credentials are in. */
  credentialsSecretName: z.string().exactOptional(),
  /** Whether shares are created by jobs that continue after the call. */
  jobs: z.boolean().default(false),
});

/** What the driver is made with. */
export type TemplateConfig = z.output<typeof templateConfigSchema>;
