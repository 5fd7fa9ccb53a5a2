import { describe, expect, it } from 'vitest';
import { Headers, parseVia, SipRequest } from '../../../../../src/embedded/sip/message/index.ts';
import type { Source } from '../../../../../src/embedded/sip/transport/types.ts';
import { hopOfVia, stampVia } from '../../../../../src/embedded/sip/transport/via-stamp.ts';

const SOURCE: Source = {
  protocol: 'udp',
  address: '192.0.2.1',
  port: 41_000,
  localAddress: '192.0.2.9',
  localPort: 5060,
};

const stamped = (via: string): string[] => {
  const request = new SipRequest('OPTIONS', 'sip:a@b', Headers.from([['Via', via]]));
  stampVia(request, SOURCE);
  return request.headers.all('Via');
};

describe('stampVia, RFC 3261 §18.2.1 and RFC 3581 §4', () => {
  it.each([
    ['SIP/2.0/UDP 192.0.2.1:5060;branch=x', 'SIP/2.0/UDP 192.0.2.1:5060;branch=x;rport=41000'],
    ['SIP/2.0/UDP 192.0.2.1;rport;branch=x', 'SIP/2.0/UDP 192.0.2.1;rport=41000;branch=x'],
    ['SIP/2.0/UDP 10.0.0.1;rport', 'SIP/2.0/UDP 10.0.0.1;rport=41000;received=192.0.2.1'],
    ['SIP/2.0/UDP host.example', 'SIP/2.0/UDP host.example;rport=41000;received=192.0.2.1'],
    // What the sender claims about itself does not count.
    ['SIP/2.0/UDP 10.0.0.1;received=6.6.6.6;rport=66', 'SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;rport=41000'],
    ['SIP/2.0/UDP 192.0.2.1;received=6.6.6.6', 'SIP/2.0/UDP 192.0.2.1;rport=41000'],
  ])('%s', (via, result) => {
    expect(stamped(via)).toEqual([result]);
  });

  it('touches only the top Via', () => {
    expect(stamped('SIP/2.0/UDP 192.0.2.1, SIP/2.0/UDP 10.0.0.1')[1]).toBe('SIP/2.0/UDP 10.0.0.1');
  });
});

describe('hopOfVia, RFC 3261 §18.2.2', () => {
  it.each([
    ['udp', 'SIP/2.0/UDP 10.0.0.1:5070', '10.0.0.1', 5070],
    ['udp', 'SIP/2.0/UDP 10.0.0.1', '10.0.0.1', 5060],
    ['udp', 'SIP/2.0/UDP 10.0.0.1:5070;received=192.0.2.1', '192.0.2.1', 5070],
    ['udp', 'SIP/2.0/UDP 10.0.0.1:5070;received=192.0.2.1;rport=41000', '192.0.2.1', 41_000],
    ['udp', 'SIP/2.0/UDP 10.0.0.1;maddr=6.6.6.6', '10.0.0.1', 5060],
    ['tcp', 'SIP/2.0/TCP 10.0.0.1:5070;received=192.0.2.1;rport=41000', '192.0.2.1', 5070],
    ['tls', 'SIP/2.0/TLS host.example', 'host.example', 5061],
  ] as const)('%s %s → %s:%d', (protocol, via, address, port) => {
    expect(hopOfVia(parseVia(via), protocol)).toEqual({ protocol, address, port });
  });
});
