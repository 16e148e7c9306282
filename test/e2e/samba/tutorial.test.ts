import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PageCommands } from '../../delivery/docs/page-commands.ts';
import { readPage } from '../../delivery/docs/pages.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { type ActiveDirectoryLab, startActiveDirectory } from '../../labs/ad/ad-lab.ts';
import { type SambaHostLab, startSambaHosts } from '../../labs/samba-host/samba-host.ts';

describe('the tutorial of Samba, on a real host between two real domains', () => {
  let directories: ActiveDirectoryLab;
  let hosts: SambaHostLab;
  let cluster: TestCluster;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sharenet-tutorial-'));
    directories = await startActiveDirectory();
    hosts = await startSambaHosts({ segment: directories.segment, hosts: 1 });
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 240_000);

  afterAll(async () => {
    await cluster?.stop();
    await hosts?.stop();
    await directories?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('its commands run from the backend to the end', { timeout: 300_000 }, async () => {
    const page = await readPage('docs/tutorials/samba.md');
    const blocks = page.blocks.filter(({ mark }) => mark?.text === 'test/e2e/samba/tutorial.test.ts');
    expect(blocks.length).toBeGreaterThan(5);
    const { host } = hosts;
    const keyFile = join(folder, 'key');
    await writeFile(keyFile, host.ssh.privateKey, { mode: 0o600 });
    const { a, b } = directories;
    const commands = await PageCommands.open(cluster.plane);
    const output = await commands.run(page, blocks, {
      HOST_ADDRESS: host.ssh.address,
      HOST_PORT: String(host.ssh.port),
      HOST_KEY: host.ssh.hostKey,
      HOST_ROOT: host.root,
      HOST_INTERFACE: host.interface,
      SSH_KEY_FILE: keyFile,
      A_DOMAIN: a.name,
      A_DNS: a.address,
      A_PASSWORD: a.password('joiner'),
      B_DOMAIN: b.name,
      B_DNS: b.address,
      B_PASSWORD: b.password('joiner'),
      CIDR: '10.77.0.0/24',
      RANGE: '10.77.0.100-10.77.0.119',
    });
    await commands.close();
    expect(output).toContain('"compatible":true');
  });
});
