import { describe, expect, it } from 'vitest';
import type { PortPair } from '../../../../../src/embedded/media/worker/port-pair.ts';
import { divide, PortRange, pairsIn } from '../../../../../src/embedded/media/worker/port-range.ts';

const pair = (port: number): PortPair => ({
  port,
  sendRtp: () => undefined,
  sendRtcp: () => undefined,
  close: async () => undefined,
});
const systemError = (code: string) => Object.assign(new Error(`bind ${code}`), { code });

describe('PortRange', () => {
  it('gives even ports whose successors lie in the range (RFC 3550 §11)', async () => {
    const range = new PortRange({ from: 1001, to: 1006 });
    const taken = [await range.take(async (port) => pair(port)), await range.take(async (port) => pair(port))];
    expect(taken.map(({ port }) => port)).toEqual([1002, 1004]);
    await expect(range.take(async (port) => pair(port))).rejects.toMatchObject({ code: 'no-port' });
  });

  it('gives a port again when it was closed, but the others first', async () => {
    const range = new PortRange({ from: 1000, to: 1005 });
    const first = await range.take(async (port) => pair(port));
    await first.close();
    const next: number[] = [];
    for (let i = 0; i < 3; i++) next.push((await range.take(async (port) => pair(port))).port);
    expect(next).toEqual([1002, 1004, 1000]);
  });

  it('passes over ports that other programs have', async () => {
    const range = new PortRange({ from: 1000, to: 1009 });
    const taken = await range.take(async (port) => {
      if (port < 1006) throw systemError('EADDRINUSE');
      return pair(port);
    });
    expect(taken.port).toBe(1006);
  });

  it('does not try every port when the system has no more sockets', async () => {
    const range = new PortRange({ from: 1000, to: 1999 });
    const tried: number[] = [];
    const take = range.take(async (port) => {
      tried.push(port);
      throw systemError('EMFILE');
    });
    await expect(take).rejects.toMatchObject({ code: 'no-port', message: expect.stringContaining('EMFILE') });
    expect(tried).toHaveLength(1);
  });

  it('does not give one port to two who ask at once', async () => {
    const range = new PortRange({ from: 1000, to: 1099 });
    const taken = await Promise.all(Array.from({ length: 50 }, () => range.take(async (port) => pair(port))));
    expect(new Set(taken.map(({ port }) => port)).size).toBe(50);
  });
});

it('divides a range among workers without a gap or an overlap', () => {
  const shares = divide({ from: 20_001, to: 29_998 }, 3);
  expect(shares.reduce((sum, share) => sum + pairsIn(share), 0)).toBe(pairsIn({ from: 20_001, to: 29_998 }));
  expect(shares.map(({ from }) => from % 2)).toEqual([0, 0, 0]);
  expect(shares.slice(1).every((share, i) => share.from === (shares[i]?.to ?? 0) + 1)).toBe(true);
});
