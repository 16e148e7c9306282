import { z } from 'zod';

/** What the supervisor is asked to do; each request is answered by one reply with its id. */
export const requestSchema = z.discriminatedUnion('operation', [
  z.object({
    id: z.int(),
    operation: z.literal('start'),
    /** Unique among the running programs. */
    name: z.string(),
    command: z.string(),
    args: z.array(z.string()),
    /** Gets the program's output, appended. */
    logFile: z.string(),
  }),
  z.object({ id: z.int(), operation: z.literal('signal'), name: z.string(), signal: z.string() }),
  /** Kills every program, removes the folder if the supervisor made it, and ends. */
  z.object({ id: z.int(), operation: z.literal('shutdown') }),
]);

/** What the supervisor says. */
export const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), directory: z.string() }),
  z.object({ type: z.literal('reply'), id: z.int(), pid: z.int().optional(), error: z.string().optional() }),
  z.object({ type: z.literal('exited'), name: z.string(), how: z.string() }),
]);

/** {@link requestSchema} */
export type SupervisorRequest = z.infer<typeof requestSchema>;
/** {@link messageSchema} */
export type SupervisorMessage = z.infer<typeof messageSchema>;
