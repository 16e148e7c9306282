import { Admission, type AdmissionOptions } from '../admission/admission.ts';
import { validators } from '../admission/validators.ts';
import { removeRegistration } from '../admission/webhook-registration.ts';
import type { Manager } from '../runtime/manager.ts';
import type { Config } from './config.ts';

/** Adds the admission webhook to the manager, or removes its registration where it is switched off. */
export function addWebhook(
  manager: Manager,
  config: Config,
  options: Pick<AdmissionOptions, 'client' | 'logger' | 'metrics' | 'clock' | 'state'>,
): void {
  const mode = config['webhook-mode'];
  const watchNamespaces = config['watch-namespaces'];
  if (mode !== 'off') {
    const port = config['webhook-port'];
    new Admission(manager, { ...options, random: Math.random, mode, port, watchNamespaces, validators });
    return;
  }
  // The registration belongs to the whole cluster: an operator for some namespaces leaves it to the one that has it.
  if (watchNamespaces !== undefined) return;
  const { client, logger } = options;
  manager.addRunnable({ name: 'webhook removal', start: () => removeRegistration(client, logger) });
}
