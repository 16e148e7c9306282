import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Variant } from '../../../tools/image/image.ts';

const file = join(import.meta.dirname, '../../../Dockerfile');

/** What an image of the Dockerfile says about the container that is made of it. */
export interface ImageSettings {
  readonly user: string | undefined;
  readonly entryPoint: readonly string[];
  readonly labels: readonly string[];
  /** Where the folder of the operator's bundle is put. */
  readonly bundle: string | undefined;
}

interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** Reads the settings of a stage with those of the stages that it is made from; the last of each counts. */
export async function imageSettings(stage: Variant): Promise<ImageSettings> {
  const instructions = ofStage(stage, instructionsOf(await readFile(file, 'utf8')));
  const values = (name: string) => instructions.filter((one) => one.name === name).map(({ value }) => value);
  const copied = values('COPY').flatMap((value) => /^--from=bundle \/bundle\/operator (\S+)$/.exec(value)?.[1] ?? []);
  return {
    user: values('USER').at(-1),
    entryPoint: z.array(z.string()).parse(JSON.parse(values('ENTRYPOINT').at(-1) ?? '[]')),
    labels: values('LABEL').flatMap((value) => [...value.matchAll(/([\w.]+)=/g)].map(([, label]) => label ?? '')),
    bundle: copied.at(-1),
  };
}

function instructionsOf(text: string): readonly Instruction[] {
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
  return lines.flatMap((line) => {
    const [, name = '', value = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, value }];
  });
}

/** Instructions of a stage, after those of the stage that it starts from. */
function ofStage(stage: string, all: readonly Instruction[]): readonly Instruction[] {
  const isStart = ({ name, value }: Instruction) => name === 'FROM' && value.endsWith(` AS ${stage}`);
  const start = all.findIndex(isStart);
  if (start < 0) return [];
  const next = all.findIndex(({ name }, index) => index > start && name === 'FROM');
  const parent = all[start]?.value.split(' ')[0] ?? '';
  return [...ofStage(parent, all), ...all.slice(start + 1, next < 0 ? undefined : next)];
}
