import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordedCall } from '../../integration/test-cluster.ts';
import type { Stage } from '../stage.ts';

/** The backend `dummy` of config/samples, with a folder for its state and its call log. */
export class DummyStorage {
  readonly stateDirectory: string;
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.stateDirectory = join(stage.operator.directory, 'storage');
  }

  get callLog(): string {
    return join(this.stateDirectory, 'calls.jsonl');
  }

  /** Waits until the driver works with the backend's present configuration. */
  async untilConfigured(): Promise<void> {
    await this.#stage.untilBackendConfigured('dummy');
  }

  /** Finished driver calls, oldest first; probes of the backend are left out. */
  async calls(): Promise<readonly RecordedCall[]> {
    const text = await readFile(this.callLog, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): RecordedCall => JSON.parse(line))
      .filter(({ event, operation }) => event === 'end' && operation !== 'getCapabilities');
  }
}
