import { CommandError, outputOf } from './run-command.ts';

/** A program that builds and runs containers. */
export type Engine = 'docker' | 'podman';

/** A question that only one whose engine runs can answer. */
const questions: Readonly<Record<Engine, readonly string[]>> = {
  docker: ['version', '--format', '{{.Server.Version}}'],
  podman: ['version', '--format', '{{.Client.Version}}'],
};

/**
 * The first engine that works.
 * @throws CommandError that says of each why it does not
 */
export async function findEngine(among: readonly Engine[] = ['docker', 'podman']): Promise<Engine> {
  const reasons: string[] = [];
  for (const engine of among) {
    try {
      await outputOf(engine, questions[engine]);
      return engine;
    } catch (error) {
      reasons.push(`${engine}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const what = among.length > 1 ? `${among.join(' or ')} is` : `${among[0]} is`;
  throw new CommandError(`${what} needed to build images, and there is none:\n  ${reasons.join('\n  ')}`);
}
