import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CephLab, startCeph } from '../../labs/ceph/ceph-lab.ts';
import type { CephFSClient } from '../../labs/ceph/cephfs-client.ts';
import { newCephxKey } from '../../labs/ceph/cephx-key.ts';

const sizeLimit = 4 * 1024 * 1024;

describe('a client', () => {
  let lab: CephLab;
  let path: string;

  beforeAll(async () => {
    lab = await startCeph();
    const subvolume = { vol_name: 'cephfs', sub_name: 'one' };
    await lab.succeed('mgr', { prefix: 'fs subvolume create', size: sizeLimit, ...subvolume });
    path = (await lab.succeed('mgr', { prefix: 'fs subvolume getpath', ...subvolume })).trim();
  });

  afterAll(() => lab?.stop());

  async function user(name: string, level: 'r' | 'rw'): Promise<string> {
    const osd = `allow ${level} tag cephfs data=cephfs`;
    return lab.createUser(name, { mon: 'allow r', mds: `allow ${level} path=${path}`, osd });
  }

  async function mounted(name: string, key: string, use: (client: CephFSClient) => Promise<void>): Promise<void> {
    const client = await lab.mount(name, key, path);
    try {
      await use(client);
    } finally {
      // Killed, it would hold what it may do to its files until the server misses it.
      await client.unmount();
    }
  }

  test('with rw writes, reads, lists, and meets its quota', async () => {
    await mounted('writer', await user('writer', 'rw'), async (client) => {
      await client.mkdir('/folder');
      await client.write('/folder/file', 'Grüße');
      expect(await client.read('/folder/file')).toBe('Grüße');
      expect(await client.list()).toEqual(['folder']);
      expect((await client.quota()).maxBytes).toBe(sizeLimit);
      expect((await client.size()).total).toBe(sizeLimit);
      await expect(client.write('/large', 5 * sizeLimit)).rejects.toMatchObject({ code: 'EDQUOT' });
      await client.remove('/large');
    });
  });

  test('with r reads and does not write', async () => {
    await mounted('writer', await user('writer', 'rw'), (client) => client.write('/given', 'text'));
    await mounted('reader', await user('reader', 'r'), async (client) => {
      expect(await client.read('/given')).toBe('text');
      await expect(client.write('/taken', 'text')).rejects.toMatchObject({ code: 'EACCES' });
    });
  });

  test('is refused with another key and at another path', async () => {
    const key = await user('writer', 'rw');
    await expect(lab.mount('writer', newCephxKey(), path)).rejects.toMatchObject({ code: 'EACCES' });
    await expect(lab.mount('writer', key, '/')).rejects.toMatchObject({ code: 'EPERM' });
  });

  test('that is evicted sees it while it stays mounted', async () => {
    await mounted('writer', await user('writer', 'rw'), async (client) => {
      await client.write('/before', 'text');
      const sessions: { id: number; client_metadata: { entity_id?: string } }[] = JSON.parse(
        await lab.succeed('mds.a', { prefix: 'session ls', format: 'json' }),
      );
      const own = sessions.find((session) => session.client_metadata.entity_id === 'writer');
      await lab.succeed('mds.a', { prefix: 'session evict', filters: [`id=${own?.id}`] });
      await expect(client.write('/after', 'text')).rejects.toMatchObject({ code: 'ESHUTDOWN' });
      await expect(client.read('/before')).rejects.toMatchObject({ code: 'ESHUTDOWN' });
    });
  });

  test('a second metadata server can be added', async () => {
    await lab.addMetadataServer('b');
    await vi.waitFor(
      async () => expect(await lab.succeed('mon', { prefix: 'mds stat' })).toContain('1 up:standby'),
      20_000,
    );
  });
});

describe('a test that ends by', () => {
  /** Starts a cluster in a process of its own, with temporary files in the folder. */
  function startParent(temporary: string): ChildProcess {
    const cli = join(import.meta.dirname, '../../labs/ceph/cli.ts');
    return spawn(process.execPath, [cli, 'up'], {
      env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  test.each(['SIGKILL', 'SIGINT'] as const)('%s leaves no daemon and no file, a paused one neither', async (signal) => {
    const temporary = mkdtempSync(join(tmpdir(), 'sharenet-lab-'));
    const daemons = () =>
      execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.includes(`${temporary}/`));
    const parent = startParent(temporary);
    try {
      if (parent.stdout === null) throw new Error('the process has no output');
      await once(createInterface({ input: parent.stdout }), 'line');
      const running = daemons();
      expect(running).toHaveLength(4);
      process.kill(Number.parseInt(running.find((line) => line.includes('ceph-mgr')) ?? '', 10), 'SIGSTOP');
      parent.kill(signal);
      await vi.waitFor(
        () => {
          expect(daemons()).toEqual([]);
          expect(readdirSync(temporary)).toEqual([]);
        },
        { timeout: 10_000 },
      );
    } finally {
      parent.kill('SIGKILL');
      rmSync(temporary, { recursive: true, force: true });
    }
  });
});
