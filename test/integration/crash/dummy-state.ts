import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the dummy backend has of a share server. */
interface StoredServer {
  readonly namespaceUID: string;
  readonly addresses: readonly string[];
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly securityServices: Readonly<
    Record<string, { readonly name?: string; readonly domain?: string; readonly user?: string }>
  >;
}

/** What the dummy backend has of a share. */
interface StoredShare {
  readonly namespaceUID: string;
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  /** Bytes. */
  readonly size: number;
  readonly serverID?: string;
  readonly protocol: string;
  readonly rules: Readonly<Record<string, { readonly accessTo: string; readonly accessLevel: string }>>;
}

/** An access key of the dummy backend. */
interface StoredKey {
  readonly namespaceUID: string;
  readonly id: string;
  readonly key: string;
  /** Ids of the shares it is granted on. */
  readonly shares: readonly string[];
}

/** Everything that the dummy backend keeps in a state directory. */
interface DummyState {
  readonly servers: readonly StoredServer[];
  readonly shares: readonly StoredShare[];
  readonly keys: readonly StoredKey[];
}

/** Reads the state directory of a dummy backend. */
export async function readDummyState(stateDirectory: string, backendName: string): Promise<DummyState> {
  const read = async (kind: keyof DummyState) => {
    const directory = join(stateDirectory, 'backends', backendName, kind);
    const names = await readdir(directory).catch(() => []);
    const texts = names
      .filter((name) => name.endsWith('.json'))
      .map((name) => readFile(join(directory, name), 'utf8').catch(() => undefined));
    return (await Promise.all(texts)).flatMap((text) => (text === undefined ? [] : [JSON.parse(text)]));
  };
  return { servers: await read('servers'), shares: await read('shares'), keys: await read('keys') };
}
