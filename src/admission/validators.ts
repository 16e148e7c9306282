import { securityServiceValidator } from './security-service-validator.ts';
import { shareAccessValidator } from './share-access-validator.ts';
import { shareNetworkValidator } from './share-network-validator.ts';
import { shareValidator } from './share-validator.ts';
import { storageBackendValidator } from './storage-backend-validator.ts';
import type { Validator } from './validator.ts';

/**
 * The validators by kind. What they refuse, the reconcilers tell as a condition of the same reason, without a driver call. A
 * ShareServer is written by those only who may.
 */
export const validators: readonly Validator[] = [
  shareNetworkValidator,
  securityServiceValidator,
  shareAccessValidator,
  shareValidator,
  storageBackendValidator,
];
