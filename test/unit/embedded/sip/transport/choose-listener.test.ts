import { describe, expect, it } from 'vitest';
import { advertisedTo, chooseListener } from '../../../../../src/embedded/sip/transport/choose-listener.ts';
import { parseListenAddresses } from '../../../../../src/embedded/sip/transport/listen-address.ts';
import {
  closestAddress,
  commonPrefix,
  isLoopback,
  isPrivate,
} from '../../../../../src/embedded/sip/transport/networks.ts';
import { defaultPort, type Hop } from '../../../../../src/embedded/sip/transport/types.ts';
import { UserError } from '../../../../../src/errors.ts';

const listeners = parseListenAddresses(
  'udp://127.0.0.1:5060,udp://10.1.0.5:5060,udp://192.168.7.1:5060,tcp://0.0.0.0:5060,udp://[::1]:5060,tcp://127.0.0.1:5062',
);

const chosen = (hop: Partial<Hop>): string | undefined => {
  const listener = chooseListener(listeners, { protocol: 'udp', address: '127.0.0.1', port: 5060, ...hop });
  return listener && `${listener.protocol} ${listener.address}:${listener.port}`;
};

describe('chooseListener', () => {
  it.each([
    [{ address: '127.0.0.9' }, 'udp 127.0.0.1:5060'],
    [{ address: '10.1.9.9' }, 'udp 10.1.0.5:5060'],
    [{ address: '192.168.1.1' }, 'udp 192.168.7.1:5060'],
    [{ address: '::1' }, 'udp ::1:5060'],
    [{ protocol: 'tcp', address: '203.0.113.1' }, 'tcp 0.0.0.0:5060'],
    [{ protocol: 'tcp', address: '127.0.0.1' }, 'tcp 127.0.0.1:5062'],
    // The way back is the way in, fitting or not.
    [{ address: '127.0.0.9', localAddress: '10.1.0.5', localPort: 5060 }, 'udp 10.1.0.5:5060'],
    [{ protocol: 'tcp', localAddress: '127.0.0.1', localPort: 5060 }, 'tcp 0.0.0.0:5060'],
  ] as const)('%j → %s', (hop, listener) => {
    expect(chosen(hop)).toBe(listener);
  });

  it('finds none for another protocol or IP version, and nothing outside from a loopback address', () => {
    expect(chosen({ protocol: 'tls' })).toBeUndefined();
    expect(chosen({ protocol: 'tcp', address: '::1' })).toBeUndefined();
    expect(chosen({ address: '2001:db8::1' })).toBeUndefined();
    const [loopback] = listeners;
    expect(
      chooseListener(loopback ? [loopback] : [], { protocol: 'udp', address: '203.0.113.1', port: 5060 }),
    ).toBeUndefined();
  });
});

describe('advertisedTo', () => {
  it.each([
    ['203.0.113.9', '10.1.0.5', '198.51.100.1'],
    ['10.9.9.9', '10.1.0.5', '10.1.0.5'],
    ['127.0.0.2', '127.0.0.1', '127.0.0.1'],
    ['2001:db8::9', '2001:db8::1', '2001:db8::1'],
  ])('%s is told %s as %s', (to, address, told) => {
    expect(advertisedTo(to, address, '198.51.100.1')).toBe(told);
  });
});

describe('networks', () => {
  it('compares addresses bit by bit', () => {
    expect(commonPrefix('10.0.0.1', '10.0.0.1')).toBe(32);
    expect(commonPrefix('10.0.0.1', '10.0.0.0')).toBe(31);
    expect(commonPrefix('10.0.0.1', '138.0.0.1')).toBe(0);
    expect(commonPrefix('2001:db8::1', '2001:db8::')).toBe(127);
    expect(commonPrefix('::1', '::ffff:1.2.3.4')).toBe(80);
  });

  it('knows loopback and private addresses', () => {
    expect(['127.9.9.9', '::1', '128.0.0.1', '::2'].map(isLoopback)).toEqual([true, true, false, false]);
    expect(['10.0.0.1', '172.31.0.1', '172.32.0.1', '192.168.0.1', 'fd00::1', '2001:db8::1'].map(isPrivate)).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  it('finds the closest address of the machine', () => {
    const own = ['127.0.0.1', '10.1.0.5', '192.168.7.1', '::1'];
    expect(
      ['127.0.0.8', '192.168.9.9', '10.200.0.1', '::1', '2001:db8::1'].map((to) => closestAddress(own, to)),
    ).toEqual(['127.0.0.1', '192.168.7.1', '10.1.0.5', '::1', undefined]);
  });
});

describe('parseListenAddresses', () => {
  it('reads lists with default ports', () => {
    expect(parseListenAddresses(' UDP://127.0.0.1 , tcp://[::1]:0,tls://0.0.0.0,ws://localhost')).toEqual([
      { protocol: 'udp', address: '127.0.0.1', port: 5060 },
      { protocol: 'tcp', address: '::1', port: 0 },
      { protocol: 'tls', address: '0.0.0.0', port: 5061 },
      { protocol: 'ws', address: '127.0.0.1', port: 80 },
    ]);
    expect(defaultPort('wss')).toBe(443);
  });

  it.each([
    '',
    ' , ',
    '127.0.0.1:5060',
    'udp://',
    'udp://host.example:5060',
    'udp://127.0.0.1:70000',
    'sctp://127.0.0.1',
  ])('refuses %j in one clear line', (text) => {
    expect(() => parseListenAddresses(text)).toThrow(UserError);
    expect(() => parseListenAddresses(text)).toThrow(/no address to listen on/);
  });
});
