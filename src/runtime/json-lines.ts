import { markThread } from './thread-time.ts';

/** A line of a stream that is not JSON. Its text is not kept: it could hold a secret. */
class InvalidLineError extends Error {
  override readonly name = 'InvalidLineError';
}

const newline = 0x0a;

/**
 * Parses a stream of JSON values, one a line, as batches: all values that a chunk completed. Every byte is looked at once, however
 * long a line is and however it was cut.
 *
 * @throws InvalidLineError for a line that is not JSON; what the stream throws. An unfinished last line is dropped.
 */
export async function* jsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly unknown[]> {
  let unfinished: Buffer[] = [];
  for await (const chunk of chunks) {
    markThread();
    const values: unknown[] = [];
    let start = 0;
    let end = chunk.indexOf(newline);
    while (end !== -1) {
      const rest = chunk.subarray(start, end);
      const line = unfinished.length === 0 ? rest : Buffer.concat([...unfinished, rest]);
      unfinished = [];
      if (line.length > 0) values.push(parseLine(line));
      start = end + 1;
      end = chunk.indexOf(newline, start);
    }
    if (start < chunk.length) unfinished.push(chunk.subarray(start));
    if (values.length > 0) yield values;
  }
}

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    throw new InvalidLineError(`a line of ${line.length} bytes of the stream is not JSON`);
  }
}
