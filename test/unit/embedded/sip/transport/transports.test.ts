import { describe, expect, it } from 'vitest';
import type { Listener, OpenListener } from '../../../../../src/embedded/sip/transport/listener.ts';
import { machineAddresses } from '../../../../../src/embedded/sip/transport/networks.ts';
import { Transports } from '../../../../../src/embedded/sip/transport/transports.ts';
import { systemRandom } from '../../../../../src/time/random.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

/** A listener that only says where it would be. */
const open: OpenListener = async ({ protocol, address, port }): Promise<Listener> => ({
  protocol,
  address,
  port,
  connections: 0,
  hasConnection: () => false,
  connectionTo: () => undefined,
  send: async () => undefined,
  close: async () => undefined,
});

const transports = (listen: string, externalIp?: string) =>
  Transports.open({
    listen,
    clock: new FakeClock(),
    random: systemRandom,
    protocols: { udp: open, tls: open },
    ...(externalIp === undefined ? {} : { externalIp }),
  });

describe('Transports', () => {
  it('speaks for a wildcard with the address that the peer reaches', async () => {
    const { localFor, isOwn } = bound(await transports('udp://0.0.0.0:5060'));
    expect(localFor({ protocol: 'udp', address: '127.0.0.2', port: 5060 })).toEqual({
      protocol: 'udp',
      address: '127.0.0.1',
      host: '127.0.0.1',
      port: 5060,
    });
    for (const host of machineAddresses()) expect(isOwn({ host, port: undefined })).toBe(true);
    expect(isOwn({ host: '127.0.0.1', port: 5061 })).toBe(false);
  });

  it('tells the external address to those outside, and owns it', async () => {
    const { localFor, isOwn, listeners } = bound(
      await transports('udp://10.0.0.5:5070,tls://10.0.0.5', '198.51.100.7'),
    );
    expect(localFor({ protocol: 'udp', address: '203.0.113.9', port: 5060 })).toMatchObject({
      address: '10.0.0.5',
      host: '198.51.100.7',
      port: 5070,
    });
    expect(localFor({ protocol: 'udp', address: '10.0.0.9', port: 5060 }).host).toBe('10.0.0.5');
    expect(listeners()).toEqual([
      { protocol: 'udp', address: '10.0.0.5', port: 5070, advertised: '198.51.100.7' },
      { protocol: 'tls', address: '10.0.0.5', port: 5061, advertised: '198.51.100.7' },
    ]);
    expect(isOwn({ host: '198.51.100.7', port: 5070 })).toBe(true);
    expect(isOwn({ host: '10.0.0.5', port: 5070 })).toBe(true);
    expect(isOwn({ host: '10.0.0.6', port: 5070 })).toBe(false);
  });

  it('takes a further protocol as a plug', async () => {
    const opened = await transports('tls://127.0.0.1');
    expect(opened.localFor({ protocol: 'tls', address: '127.0.0.2', port: 5061 }).port).toBe(5061);
  });
});

const bound = (opened: Transports) => ({
  localFor: opened.localFor.bind(opened),
  isOwn: opened.isOwn.bind(opened),
  listeners: opened.listeners.bind(opened),
});
