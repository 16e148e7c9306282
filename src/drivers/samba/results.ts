import { z } from 'zod';
import { safeReason, safeText } from '../../api/safe-text.ts';

/** What share servers tell about themselves that tenants may see. */
export const detailsSchema = z.record(z.string(), z.string());

/** Warnings of the program on a host. */
export const warningsSchema = z
  .array(z.object({ reason: z.string(), message: z.string() }))
  .nullish()
  .transform((warnings) =>
    (warnings ?? []).map(({ reason, message }) => ({
      reason: safeReason(reason, 'DriverWarning'),
      message: safeText(message),
    })),
  );

/** Answer of verbs of which nothing but warnings is expected. */
export const onlyWarningsSchema = z.object({ warnings: warningsSchema }).nullish();
