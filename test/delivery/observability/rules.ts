import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { rulesFile } from './promtool.ts';

const schema = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});

/** The delivered alerts. */
const alerts = schema.parse(parse(readFileSync(rulesFile, 'utf8'))).groups.flatMap(({ rules }) => rules);

/** Their names. */
export const alertNames = alerts.map(({ alert }) => alert);
