import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { type Log, withProgress } from './progress.ts';

/** Short, because a machine that cannot reach the host must get on to the next source at once. */
const connectTimeoutMilliseconds = 3_000;
/** A host that stays silent this long in the middle of an answer is given up. */
const silenceTimeoutMilliseconds = 15_000;

/** A file that could not be had or must not be used; the message is one line that names the URL. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  // undici wraps the failure that matters ("fetch failed"), Node wraps one failure per tried address.
  const cause = error.cause instanceof AggregateError ? error.cause.errors[0] : error.cause;
  return cause === undefined ? error.message : reason(cause);
}

async function request<T>(url: string, read: (response: Response) => Promise<T>): Promise<T> {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: connectTimeoutMilliseconds },
    headersTimeout: silenceTimeoutMilliseconds,
    bodyTimeout: silenceTimeoutMilliseconds,
  });
  try {
    const response = await fetch(url, { dispatcher });
    if (!response.ok) {
      throw new DownloadError(`${url}: answered ${response.status}`);
    }
    return await read(response);
  } catch (error) {
    throw error instanceof DownloadError ? error : new DownloadError(`${url}: ${reason(error)}`, { cause: error });
  } finally {
    await dispatcher.destroy();
  }
}

/** @throws DownloadError */
export function downloadText(url: string): Promise<string> {
  return request(url, (response) => response.text());
}

/** What a file must hash to, in hexadecimal. */
interface Checksum {
  readonly algorithm: 'sha256' | 'sha512';
  readonly digest: string;
}

/**
 * Streams a file to disk. The caller owns the destination and removes it on failure.
 *
 * @throws DownloadError also when the content does not have the checksum
 */
export function downloadFile(url: string, destination: string, checksum: Checksum, log: Log): Promise<void> {
  let bytes = 0;
  let total = '';
  const megabytes = (count: number) => `${Math.round(count / 1e6)} MB`;
  return withProgress(
    log,
    `downloading ${url}`,
    () => `${megabytes(bytes)}${total}`,
    () =>
      request(url, async (response) => {
        const length = response.headers.get('content-length');
        total = length === null ? '' : ` of ${megabytes(Number(length))}`;
        if (response.body === null) {
          throw new DownloadError(`${url}: answered without a body`);
        }
        const hash = createHash(checksum.algorithm);
        const measure = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            bytes += chunk.length;
            hash.update(chunk);
            done(null, chunk);
          },
        });
        await pipeline(response.body, measure, createWriteStream(destination));
        const digest = hash.digest('hex');
        if (digest !== checksum.digest.toLowerCase()) {
          throw new DownloadError(
            `${url}: refused, its ${checksum.algorithm} is ${digest.slice(0, 12)}… and should be ${checksum.digest.slice(0, 12)}…`,
          );
        }
      }),
  );
}
