import { z } from 'zod';
import { safeReason, safeText } from '../../../values/safe-text.ts';
import type { CredentialsResult, DriverWarning } from '../../driver.ts';

/** What share servers tell about themselves that tenants may see. */
export const detailsSchema = z.record(z.string(), z.string());

/** A warning of the program on a host, read. */
export type HostWarning = DriverWarning & { readonly refusedService?: string };

/** Warnings of the program on a host. `refusedService`: the id of a security service with which it could not log in. */
export const warningsSchema = z
  .array(z.object({ reason: z.string(), message: z.string(), refusedService: z.string().exactOptional() }))
  .nullish()
  .transform((warnings) =>
    (warnings ?? []).map(({ reason, message, ...rest }) => ({
      reason: safeReason(reason, 'DriverWarning'),
      message: safeText(message),
      ...rest,
    })),
  );

/** What such warnings say of credentials. */
export function credentialsIn(warnings: readonly HostWarning[]): CredentialsResult {
  const refusedCredentials = warnings.flatMap(({ refusedService }) => refusedService ?? []);
  return refusedCredentials.length === 0 ? {} : { refusedCredentials };
}

/** Answer of verbs of which nothing but warnings is expected. */
export const onlyWarningsSchema = z.object({ warnings: warningsSchema }).nullish();

export const createResultSchema = z.object({ details: detailsSchema, warnings: warningsSchema });

/** What the program on a host says of a share server that it has made. */
export type CreateResult = z.output<typeof createResultSchema>;
