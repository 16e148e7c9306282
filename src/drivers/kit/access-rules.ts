import { parseAddress, parseNetwork } from '../../values/ip-address.ts';
import type { AccessUpdate, RuleLists } from '../driver.ts';

/** Whether the share is to be made equal to its rules, whatever was done before. */
export function isRecovery({ addRules, updateRules, deleteRules }: Omit<RuleLists, 'accessRules'>): boolean {
  return addRules.length + updateRules.length + deleteRules.length === 0;
}

/** Whether rules are only denied: that succeeds on a share that is gone. */
export function onlyDenies({ addRules, updateRules, deleteRules }: Omit<RuleLists, 'accessRules'>): boolean {
  return deleteRules.length > 0 && addRules.length + updateRules.length === 0;
}

/** The answer for a rule that can't be granted; other rules are not affected. */
export function ruleError(reason: string): AccessUpdate {
  return { state: 'error', reason };
}

/** Whether a text is what a rule of type `ip` may name: an address, or a network in CIDR notation. */
export function isAddressOrNetwork(text: string): boolean {
  return (text.includes('/') ? parseNetwork(text) : parseAddress(text)) !== undefined;
}
