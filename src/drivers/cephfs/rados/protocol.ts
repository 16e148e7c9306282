import { z } from 'zod';

/** File names of the libraries, as the dynamic loader takes them. */
export interface RadosLibraries {
  readonly rados: string;
  /** Loaded when the first command goes to a metadata server. */
  readonly cephfs: string;
}

const librariesSchema = z.object({ rados: z.string(), cephfs: z.string() });

/** Messages to the process that holds a login. The first one is the login, and there is only one. */
export const radosRequestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('connect'),
    /** `host` or `host:port` each. */
    monitors: z.array(z.string()),
    /** Without `client.`. */
    user: z.string(),
    key: z.string(),
    /** How long a monitor may take to say what it is, and how long the login; seconds. */
    probeSeconds: z.int().positive(),
    loginSeconds: z.int().positive(),
    libraries: librariesSchema,
  }),
  z.object({
    type: z.literal('run'),
    id: z.int(),
    /** A metadata server's name; undefined for monitors and manager. */
    name: z.string().optional(),
    daemon: z.enum(['mon', 'mgr', 'mds']),
    /** JSON. */
    command: z.string(),
  }),
]);

/** Why there is no login. */
const failureSchema = z.discriminatedUnion('what', [
  z.object({ what: z.literal('library'), library: z.enum(['rados', 'cephfs']), detail: z.string() }),
  /** No monitor answers; what is wrong with each of their addresses. */
  z.object({ what: z.literal('monitors'), silent: z.array(z.string()) }),
  /** The code is a negative errno. */
  z.object({ what: z.literal('login'), code: z.int() }),
]);

/** What the process answers. */
export const radosReplySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connected'), fsid: z.string() }),
  z.object({ type: z.literal('failed'), failure: failureSchema }),
  z.object({ type: z.literal('result'), id: z.int(), code: z.int(), output: z.string(), status: z.string() }),
  z.object({ type: z.literal('refused'), id: z.int(), failure: failureSchema }),
]);

/** {@link radosRequestSchema} */
export type RadosRequest = z.infer<typeof radosRequestSchema>;
/** {@link radosReplySchema} */
export type RadosReply = z.infer<typeof radosReplySchema>;
/** A failure that is none of a daemon's. */
export type RadosFailure = z.infer<typeof failureSchema>;
