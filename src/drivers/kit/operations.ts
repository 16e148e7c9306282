import type { CallContext } from '../driver.ts';

/** Makes methods of a driver from functions that work on its backend. */
export function operationsOn<Backend>(backend: Backend) {
  return <Request, Result>(
    work: (backend: Backend, request: Request, context: CallContext) => Promise<Result>,
  ): ((request: Request, context: CallContext) => Promise<Result>) =>
    (request, context) =>
      work(backend, request, context);
}
