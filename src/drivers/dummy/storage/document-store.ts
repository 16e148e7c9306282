import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonOf } from '../../kit/answers.ts';

/** What the dummy backend keeps; each kind is a folder of the state directory. */
type DocumentKind = 'servers' | 'shares' | 'keys' | 'faults';

/**
 * Small JSON documents by kind and id. Calls are synchronous: a change of the backend is then atomic towards every other call of
 * the process, and a killed process leaves whole documents.
 */
export interface DocumentStore {
  /** The document, or undefined when there is none. */
  read(kind: DocumentKind, id: string): unknown;
  write(kind: DocumentKind, id: string, document: object): void;
  /** Removing what is not there succeeds. */
  remove(kind: DocumentKind, id: string): void;
  /** All documents of a kind, in no order. */
  list(kind: DocumentKind): unknown[];
}

const memoryStores = new Map<string, DocumentStore>();

/**
 * The documents of a backend without a state directory. They live as long as the process: a driver that is made again for changed
 * configuration finds its backend as it was.
 */
export function memoryDocumentStore(backendName: string): DocumentStore {
  const known = memoryStores.get(backendName);
  if (known !== undefined) return known;
  const kinds = new Map<DocumentKind, Map<string, string>>();
  const documents = (kind: DocumentKind): Map<string, string> => {
    const existing = kinds.get(kind);
    if (existing !== undefined) return existing;
    const created = new Map<string, string>();
    kinds.set(kind, created);
    return created;
  };
  const store: DocumentStore = {
    read: (kind, id) => {
      const text = documents(kind).get(id);
      return text === undefined ? undefined : JSON.parse(text);
    },
    write: (kind, id, document) => void documents(kind).set(id, JSON.stringify(document)),
    remove: (kind, id) => void documents(kind).delete(id),
    list: (kind) => [...documents(kind).values()].map((text) => JSON.parse(text)),
  };
  memoryStores.set(backendName, store);
  return store;
}

/**
 * Documents as files `<directory>/<kind>/<id>.json`, read each time, so that a person or a test may edit them. Written to a
 * file beside and renamed: a killed process leaves the old document or the new one. Not flushed to the disk: a crash of the
 * machine may lose the last ones.
 */
export function directoryDocumentStore(directory: string): DocumentStore {
  const pathOf = (kind: DocumentKind, id: string): string => join(directory, kind, `${fileNameOf(id)}.json`);
  return {
    read: (kind, id) => readJson(pathOf(kind, id)),
    write: (kind, id, document) => {
      const path = pathOf(kind, id);
      const beside = `${path}.${process.pid}.tmp`;
      const text = `${JSON.stringify(document, undefined, 2)}\n`;
      try {
        writeFileSync(beside, text, { mode: 0o600 });
      } catch (error) {
        if (!isMissing(error)) throw error;
        mkdirSync(join(directory, kind), { recursive: true, mode: 0o700 });
        writeFileSync(beside, text, { mode: 0o600 });
      }
      renameSync(beside, path);
    },
    remove: (kind, id) => rmSync(pathOf(kind, id), { force: true }),
    list: (kind) =>
      fileNames(join(directory, kind))
        .filter((name) => name.endsWith('.json'))
        .map((name) => readJson(join(directory, kind, name)))
        .filter((document) => document !== undefined),
  };
}

/** Ids are UIDs of objects; anything else is hashed so that it can't leave the directory. */
function fileNameOf(id: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(id) ? id : createHash('sha256').update(id).digest('hex');
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const document = jsonOf(text);
  if (document === undefined) throw new Error(`${path} is not a JSON document`);
  return document;
}

function fileNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
