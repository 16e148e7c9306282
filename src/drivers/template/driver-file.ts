/** What an operator loads that names this file in --driver-files: for drivers that are not built in. */
export { templateDriver as driverModule } from './module.ts';

/** What a StorageBackend calls the driver: a domain that is yours, and a name. */
export const driverName = 'vendor.example/template';
