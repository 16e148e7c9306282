import type { AccessUpdate, CallContext, Driver, DriverLogger } from '../driver.ts';
import { DriverError } from '../errors.ts';

/** Puts a fault into a driver: the methods that it replaces. */
export type Breakage = (driver: Driver, logger: DriverLogger) => Partial<Driver>;

/** A driver that is broken in one way, and cases that must find it out. */
export const brokenDrivers: readonly { name: string; breakage: Breakage; findings: readonly string[] }[] = [
  {
    name: 'answers another identifier when a server is set up again',
    breakage: (driver) => ({
      setupServer: async (request, context) => {
        const result = await driver.setupServer(request, context);
        return { ...result, identifier: `${result.identifier}-${context.operation.attempt}` };
      },
    }),
    findings: ['setting up a share server again gives the same server'],
  },
  {
    name: 'has room for one share server only',
    breakage: (driver) => {
      const serving = new Set<string>();
      return {
        setupServer: async (request, context) => {
          serving.add(request.server.id);
          if (serving.size > 1) throw rejected('AddressInUse', 'another share server listens there');
          return driver.setupServer(request, context);
        },
        teardownServer: async (request, context) => {
          serving.delete(request.server.id);
          return driver.teardownServer(request, context);
        },
      };
    },
    findings: ['share servers of two tenants are set up at once and serve side by side'],
  },
  {
    name: 'fails when a share exists already',
    breakage: (driver) => ({
      createShare: async (request, context) => {
        const health = await driver.ensureShare?.(request, context);
        if (health?.exists) throw rejected('ShareExists', 'the share exists already');
        return driver.createShare(request, context);
      },
    }),
    findings: ['creating a share again gives the same share'],
  },
  {
    name: 'fails when a share is gone already',
    breakage: (driver) => ({
      deleteShare: async (request, context) => {
        const health = await driver.ensureShare?.(request, context);
        if (health?.exists === false) throw rejected('ShareNotOnBackend', 'there is no such share');
        return driver.deleteShare(request, context);
      },
    }),
    findings: ['deleting a share again succeeds', 'deleting a share that was never created succeeds'],
  },
  {
    name: 'fails when a rule is granted already',
    breakage: (driver) => {
      const granted = new Set<string>();
      return {
        updateAccess: async (request, context) => {
          for (const { id } of request.addRules) {
            if (granted.has(id)) throw rejected('RuleExists', 'the rule exists already');
            granted.add(id);
          }
          return driver.updateAccess(request, context);
        },
      };
    },
    findings: ['granting rules again succeeds'],
  },
  {
    name: 'makes another key in each call',
    breakage: (driver) => {
      let calls = 0;
      return {
        updateAccess: async (request, context) => {
          calls += 1;
          return mapKeys(await driver.updateAccess(request, context), (key) => `${key}${calls}`);
        },
      };
    },
    findings: ['a keyed rule gets one key, whatever the number of calls', 'a change of level keeps the key'],
  },
  {
    name: 'leaks keys into its log',
    breakage: (driver, logger) => ({
      updateAccess: async (request, context) => {
        const updates = await driver.updateAccess(request, context);
        for (const { accessKey } of updates.values()) logger.debug({ accessKey, key: accessKey }, 'granted');
        return updates;
      },
    }),
    findings: [secrecy()],
  },
  {
    name: 'leaks keys into export locations',
    breakage: (driver) => {
      let secret = '';
      return {
        updateAccess: async (request, context) => {
          const updates = await driver.updateAccess(request, context);
          secret = [...updates.values()].find(({ accessKey }) => accessKey !== undefined)?.accessKey ?? secret;
          return updates;
        },
        createShare: async (request, context) => {
          const result = await driver.createShare(request, context);
          const exportLocations = result.exportLocations.map((location) => ({ ...location, metadata: { secret } }));
          return { ...result, exportLocations };
        },
      };
    },
    findings: [secrecy()],
  },
  {
    name: 'leaks a key into the error of another tenant',
    breakage: (driver) => {
      const keys = new Map<string, string>();
      return {
        updateAccess: async (request, context) => {
          const updates = new Map<string, AccessUpdate>();
          for (const [id, update] of await driver.updateAccess(request, context)) {
            const accessTo = request.accessRules.find((rule) => rule.id === id)?.accessTo ?? '';
            if (update.accessKey !== undefined) keys.set(accessTo, update.accessKey);
            const reason = `taken: ${keys.get(accessTo)}`;
            updates.set(id, update.state === 'error' ? { state: 'error', reason } : update);
          }
          return updates;
        },
      };
    },
    findings: [secrecy()],
  },
  {
    name: 'leaks a password into the detail of an error',
    breakage: (driver) => {
      let password: string | undefined;
      return {
        setupServer: async (request, context) => {
          password = request.securityServices[0]?.password;
          return driver.setupServer(request, context);
        },
        extendShare: async (request, context) => {
          try {
            return await driver.extendShare(request, context);
          } catch (error) {
            if (!(error instanceof DriverError)) throw error;
            const { kind, reason, message } = error;
            throw new DriverError({ kind, reason, message, detail: `net ads join -U joiner%${password}` });
          }
        },
      };
    },
    findings: [secrecy()],
  },
  {
    name: 'forgets keys in recovery',
    breakage: (driver) => ({
      updateAccess: async (request, context) => {
        const updates = await driver.updateAccess(request, context);
        const recovery = request.addRules.length + request.deleteRules.length + request.updateRules.length === 0;
        return recovery ? new Map([...updates].map(([id]) => [id, {}])) : updates;
      },
    }),
    findings: ['recovery returns the keys of all rules, after a restart too'],
  },
  {
    name: 'leaves what is not wanted in recovery',
    breakage: (driver) => ({
      updateAccess: (request, context) => {
        const recovery = request.addRules.length + request.deleteRules.length + request.updateRules.length === 0;
        return driver.updateAccess(recovery ? { ...request, addRules: request.accessRules } : request, context);
      },
    }),
    findings: ['recovery grants what is missing and revokes what is not wanted'],
  },
  {
    name: 'fails a batch for one bad rule',
    breakage: (driver) => ({
      updateAccess: async (request, context) => {
        const updates = await driver.updateAccess(request, context);
        for (const { reason } of updates.values()) if (reason !== undefined) throw rejected('BadRule', reason);
        return updates;
      },
    }),
    findings: ['one bad rule fails alone, with a reason'],
  },
  {
    name: 'ignores abort',
    breakage: (driver) => {
      const deaf = (context: CallContext): CallContext => ({ ...context, signal: new AbortController().signal });
      return {
        createShare: (request, context) => driver.createShare(request, deaf(context)),
        updateAccess: (request, context) => driver.updateAccess(request, deaf(context)),
      };
    },
    findings: ['a call ends within the bound after its signal aborts'],
  },
  {
    name: 'carries out calls late that were given up',
    breakage: breakageWithLateCalls(),
    findings: [
      'a grant that was given up and arrives late does not undo a newer denial',
      'a creation that was given up and arrives late does not undo a newer deletion',
    ],
  },
  {
    name: 'gives one id to two tenants',
    breakage: (driver) => ({
      updateAccess: async (request, context) => {
        const updates = await driver.updateAccess(request, context);
        const accessKey = 'one-key-for-everybody';
        return new Map([...updates].map(([id]) => [id, { accessKey }]));
      },
    }),
    findings: ['an id that another tenant holds is an error of that rule and its key is not disclosed'],
  },
  {
    name: 'does not look whose share it is',
    breakage: (driver) => ({
      extendShare: (request, { tenant: _, installationID: __, ...context }) =>
        driver.extendShare(request, {
          ...context,
          installationID: 'installation-1',
          tenant: { namespace: 'tenant-a', namespaceUID: '1b4e28ba-2fa1-4000-8000-00000000000a' },
        }),
    }),
    findings: ['a share of another tenant or installation is not touched'],
  },
  {
    name: 'tears down servers that hold data',
    breakage: (driver) => ({
      teardownServer: async (request, context) => driver.teardownServer(request, context).catch(() => ({})),
    }),
    findings: ['tearing down a share server that holds data is refused and loses nothing'],
  },
  {
    name: 'throws errors that are no DriverErrors',
    breakage: (driver) => ({
      extendShare: async (request, context) =>
        driver.extendShare(request, context).catch((error: unknown) => {
          throw new Error(String(error));
        }),
    }),
    findings: ['failures are DriverErrors with a CamelCase reason and a message of one line'],
  },
  {
    name: 'promises more than it has',
    breakage: (driver) => ({
      getCapabilities: async (context) => ({
        ...(await driver.getCapabilities(context)),
        driverHandlesShareServers: false,
      }),
    }),
    findings: ['capabilities are well-formed'],
  },
];

/** What a call does that was given up is done after the next call that is not. */
function breakageWithLateCalls(): Breakage {
  const late: ((driver: Driver) => Promise<unknown>)[] = [];
  return (driver) => {
    const afterwards = async <Result>(result: Promise<Result>): Promise<Result> => {
      const answer = await result;
      for (const call of late.splice(0)) await call(driver);
      return answer;
    };
    const keep = (call: (driver: Driver, context: CallContext) => Promise<unknown>, context: CallContext) => {
      const { signal: _, ...rest } = context;
      return (error: unknown): never => {
        late.push((later) => call(later, { ...rest, signal: new AbortController().signal }));
        throw error;
      };
    };
    return {
      updateAccess: (request, context) =>
        afterwards(driver.updateAccess(request, context)).catch(
          keep((later, again) => later.updateAccess(request, again), context),
        ),
      createShare: (request, context) =>
        driver.createShare(request, context).catch(keep((later, again) => later.createShare(request, again), context)),
      deleteShare: (request, context) => afterwards(driver.deleteShare(request, context)),
    };
  };
}

function secrecy(): string {
  return 'keys and passwords are in no log line, error, detail, export location, warning or reason';
}

function mapKeys(
  updates: ReadonlyMap<string, AccessUpdate>,
  change: (key: string) => string,
): Map<string, AccessUpdate> {
  return new Map(
    [...updates].map(([id, update]) => {
      const { accessKey } = update;
      return [id, accessKey === undefined ? update : { ...update, accessKey: change(accessKey) }];
    }),
  );
}

function rejected(reason: string, message: string): DriverError {
  return new DriverError({ kind: 'Rejected', reason, message });
}
