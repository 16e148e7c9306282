import type { ChangeMemory } from '../change-memory/change-memory.ts';
import type { CredentialMemory } from '../credentials/credential-memory.ts';
import type { DriverAccess } from '../driver-calls/driver-access.ts';
import type { Measured } from '../metrics/measured.ts';
import type { Operator } from '../operator.ts';

/** What the controller of ShareServers works with. */
export type ServerOperator = Operator & DriverAccess & CredentialMemory & ChangeMemory & Measured;
