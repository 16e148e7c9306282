import type { NetworkOperator } from './network-change/network-scope.ts';
import type { ServiceOperator } from './securityservice/scope.ts';
import type { ShareOperator } from './share/scope.ts';
import type { AccessOperator } from './shareaccess/scope.ts';
import type { ServerOperator } from './shareserver/server-operator.ts';
import type { BackendOperator } from './storagebackend/backend-operator.ts';

/** What the six controllers work with together, for what creates them all. */
export type OperatorParts = BackendOperator &
  ServiceOperator &
  NetworkOperator &
  ServerOperator &
  ShareOperator &
  AccessOperator;
