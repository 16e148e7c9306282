/**
 * Images of the operator, and a cluster of kind that runs one.
 *
 *   node tools/image/cli.ts build|test [--target operator|librados] [--base IMAGE|local]
 *   node tools/image/cli.ts kind-up | kind-down
 */
import { parseArgs } from 'node:util';
import { buildImage, type Variant, variants } from './image.ts';
import { kindDown, kindUp } from './kind.ts';
import { CommandError } from './run-command.ts';
import { testImage } from './test-image.ts';

function variantOf(text: string): Variant {
  const variant = variants.find((one) => one === text);
  if (variant === undefined) throw new CommandError(`--target ${text}: there are ${variants.join(' and ')}`);
  return variant;
}

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { target: { type: 'string', default: 'operator' }, base: { type: 'string' } },
  });
  const build = () => buildImage({ variant: variantOf(values.target), base: values.base });
  const commands: Readonly<Record<string, () => Promise<string>>> = {
    build: async () => `built ${await build()}`,
    test: async () => {
      const image = await build();
      await testImage(image, variantOf(values.target));
      return `${image} works`;
    },
    'kind-up': kindUp,
    'kind-down': kindDown,
  };
  const command = positionals.length === 1 ? commands[positionals[0] ?? ''] : undefined;
  if (command === undefined) throw new CommandError(`say one of ${Object.keys(commands).join(', ')}`);
  process.stdout.write(`${await command()}\n`);
} catch (error) {
  process.stderr.write(`tools/image/cli.ts: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
