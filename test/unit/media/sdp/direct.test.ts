import { describe, expect, it } from 'vitest';
import { directOffer, isSentFrom, SdpOrigin } from '../../../../src/media/sdp/direct.ts';

const sdp = (address: string, media = 'm=audio 4000 RTP/AVP 8 101\r\n') => {
  const network = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`;
  const maps = 'a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n';
  return `v=0\r\no=- 7 1 ${network}\r\ns=-\r\nc=${network}\r\nt=0 0\r\n${media}${maps}`;
};

describe('an offer of the other phone', () => {
  const plain = sdp('10.0.0.3');

  it('names its address, and what both take, in its order', () => {
    const other = sdp('10.0.0.2', 'm=audio 5000 RTP/AVP 0 8 101\r\n');
    expect(directOffer(sdp('10.0.0.3', 'm=audio 4000 RTP/AVP 8 0 101\r\n'), other)).toContain('RTP/AVP 0 8 101');
    const offer = directOffer(plain, other);
    expect(offer).toContain('c=IN IP4 10.0.0.2\r\n');
    expect(offer).toContain('m=audio 5000 RTP/AVP 8 101\r\n');
  });

  it.each([
    ['no codec in common', sdp('10.0.0.2', 'm=audio 4 RTP/AVP 0 101\r\n')],
    ['key presses that one alone sends', sdp('10.0.0.2', 'm=audio 4 RTP/AVP 8\r\n')],
    ['hold', `${sdp('10.0.0.2')}a=sendonly\r\n`],
    ['an unspecified address', sdp('0.0.0.0')],
    ['video beside it', `${sdp('10.0.0.2')}m=video 6 RTP/AVP 31\r\n`],
    ['SRTP', sdp('10.0.0.2', 'm=audio 4 RTP/SAVP 8 101\r\n')],
    ['SRTP for whoever wants it', `${sdp('10.0.0.2')}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${'A'.repeat(40)}\r\n`],
  ])('is not made with %s', (_, other) => {
    expect(directOffer(plain, other)).toBeUndefined();
    expect(directOffer(other, plain)).toBeUndefined();
  });

  it.each([
    ['10.0.0.2', '192.168.1.2', true],
    ['172.16.0.1', '172.31.255.1', true],
    ['203.0.113.2', '198.51.100.2', true],
    ['100.64.0.1', '100.127.0.1', true],
    ['2001:db8::1', '2001:db8:1::1', true],
    ['fd00::1', 'fd00:1::1', true],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', true],
    // One of them cannot reach the other.
    ['10.0.0.2', '203.0.113.2', false],
    ['100.64.0.1', '10.0.0.2', false],
    ['100.64.0.1', '203.0.113.2', false],
    ['127.0.0.1', '10.0.0.2', false],
    ['169.254.0.2', '10.0.0.2', false],
    ['2001:db8::1', 'fd00::1', false],
    ['2001:db8::1', '203.0.113.2', false],
    // Two behind one router, perhaps.
    ['203.0.113.2', '203.0.113.2', false],
    ['10.0.0.2', '10.0.0.2', false],
  ])('between %s and %s: %s', (one, other, reaches) => {
    expect(directOffer(sdp(one), sdp(other)) !== undefined).toBe(reaches);
    expect(directOffer(sdp(other), sdp(one)) !== undefined).toBe(reaches);
  });
});

it.each([
  ['from where he said', { address: '10.0.0.2', port: 4000 }, true],
  ['from another port', { address: '10.0.0.2', port: 4002 }, false],
  ['from another address', { address: '203.0.113.2', port: 4000 }, false],
])('a phone that is heard %s', (_, heard, is) => {
  expect(isSentFrom(sdp('10.0.0.2'), heard)).toBe(is);
});

it('the o= line of a session stays, its version grows with each change alone (RFC 3264 §8)', () => {
  const origin = new SdpOrigin(sdp('10.0.0.1'));
  const lines = ['10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.1'].map((address) => origin.next(sdp(address)));
  expect(lines.map((text) => /^o=.*$/m.exec(text)?.[0])).toEqual([
    'o=- 7 1 IN IP4 10.0.0.1',
    'o=- 7 2 IN IP4 10.0.0.1',
    'o=- 7 2 IN IP4 10.0.0.1',
    'o=- 7 3 IN IP4 10.0.0.1',
  ]);
});
