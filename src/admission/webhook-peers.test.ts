import { describe, expect, it } from 'vitest';
import { type PeerLimits, WebhookPeers } from './webhook-peers.ts';

const second = (perSecond: number) => ({ perSecond, burst: perSecond });
const limits: PeerLimits = {
  openConnections: 2,
  connections: second(3),
  requests: second(5),
  bytes: second(1000),
  held: 400,
  answers: second(100),
};

describe('peers of the webhook', () => {
  let now = 0;
  const peers = () => {
    now = 0;
    return new WebhookPeers(() => now, limits);
  };

  it('have a number of open connections, and of new ones in a time', () => {
    const table = peers();
    const [one, two] = [table.connect('10.0.0.1'), table.connect('::ffff:10.0.0.1')];
    expect(table.connect('10.0.0.1')).toBeUndefined();
    expect(table.connect('10.0.0.2')).toBeDefined();
    one?.close();
    one?.close();
    expect(table.connect('10.0.0.1')).toBeDefined();
    two?.close();
    expect(table.connect('10.0.0.1')).toBeUndefined();
    now += 400;
    expect(table.connect('10.0.0.1')).toBeDefined();
  });

  it.each([
    ['requests', (peer: ReturnType<WebhookPeers['connect']>) => void peer],
    ['bytes', (peer: ReturnType<WebhookPeers['connect']>) => void peer?.receive(300)],
    ['time of answers', (peer: ReturnType<WebhookPeers['connect']>) => peer?.answered(30)],
  ])('are limited in %s, over all of their connections, and only they', (_what, use) => {
    const table = peers();
    const [one, two, other] = [table.connect('10.0.0.1'), table.connect('10.0.0.1'), table.connect('10.0.0.2')];
    let asked = 0;
    while ((asked % 2 === 0 ? one : two)?.mayAsk()) {
      use(one);
      asked += 1;
      expect(asked).toBeLessThan(10);
    }
    expect(two?.mayAsk()).toBe(false);
    expect(other?.mayAsk()).toBe(true);
    now += 2000;
    expect(one?.mayAsk()).toBe(true);
  });

  it('hold a number of bytes at once', () => {
    const peer = peers().connect('10.0.0.1');
    expect(peer?.receive(400)).toBe(true);
    expect(peer?.receive(1)).toBe(false);
    peer?.release(401);
    expect(peer?.receive(100)).toBe(true);
  });

  it('are limited together in the time of answers', () => {
    const table = peers();
    let used = 0;
    for (let index = 0; index < 1000; index += 1) {
      const peer = table.connect(`10.0.${index >> 8}.${index & 255}`);
      if (peer?.mayAsk() !== true) continue;
      peer.answered(100);
      used += 100;
      peer.close();
    }
    expect(used).toBeLessThan(3000);
  });

  it('are remembered up to a number', () => {
    const table = peers();
    for (let index = 0; index < 5000; index += 1) table.connect(`10.1.${index >> 8}.${index & 255}`);
    expect(table.size).toBeLessThanOrEqual(1024);
    const idle = peers();
    for (let index = 0; index < 5000; index += 1) {
      now += 1000;
      idle.connect(`10.1.${index >> 8}.${index & 255}`)?.close();
    }
    expect(idle.size).toBeLessThanOrEqual(1024);
    expect(idle.connect('10.2.0.1')).toBeDefined();
  });
});
