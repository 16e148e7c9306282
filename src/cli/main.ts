import { processTerminal } from './output/terminal.ts';
import { runCommand } from './program.ts';

// `kubectl sharenet status | head` ends early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await runCommand(process.argv.slice(2), { terminal: processTerminal(process), now: Date.now });
