/**
 * Stands in for the program on a host in tests of the transport: does what the request's `behaviour` says, and echoes the request.
 *
 *   node stand-in.ts <directory>     a file is made there for each request that `marks`, when it ends
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';

const requestSchema = z.looseObject({
  behaviour: z.enum(['echo', 'sleep', 'flood', 'crash', 'babble', 'refuse', 'missing']).default('echo'),
  milliseconds: z.number().default(0),
  mark: z.string().optional(),
  error: z.unknown().optional(),
});

const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const request = requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
const say = (value: unknown): void => void process.stdout.write(JSON.stringify(value));

await wait(request.milliseconds);
if (request.mark !== undefined) writeFileSync(join(process.argv[2] ?? '', request.mark), '');
switch (request.behaviour) {
  case 'echo':
  case 'sleep':
    say({ ok: true, result: { request, command: process.env.SSH_ORIGINAL_COMMAND } });
    break;
  case 'flood':
    for (let count = 0; count < 64; count += 1) process.stdout.write('x'.repeat(2 ** 17));
    break;
  case 'crash':
    process.stderr.write(`failed with ${JSON.stringify(request)}\n`);
    process.exitCode = 1;
    break;
  case 'babble':
    process.stdout.write('Welcome to filer-a!');
    break;
  case 'refuse':
    say({ ok: false, error: request.error });
    break;
  case 'missing':
    process.exitCode = 127;
}
