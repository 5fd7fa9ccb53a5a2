import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediaError } from '../../../../src/media/port.ts';
import type { Capabilities } from '../../../../src/media/sdp/negotiate.ts';
import { readRemote, SdpSession } from '../../../../src/media/sdp/session.ts';
import type { WebRtcSide } from '../../../../src/media/sdp/webrtc.ts';

const capabilities: Capabilities = { codecs: ['pcma', 'pcmu'], dtmf: 'rfc2833', family: 4 };

const OFFER = [
  'v=0',
  'o=alice 2890844526 2890844526 IN IP4 host.example.com',
  's=',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'm=audio 49170 RTP/AVP 0 8 97 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:97 iLBC/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
];
const offer = (lines: readonly string[] = OFFER) => `${lines.join('\r\n')}\r\n`;
const changed = (from: string | RegExp, to: string) => offer().replace(from, to);

const read = (text: string, wants: Partial<Capabilities> = {}) =>
  readRemote(text, { ...capabilities, ...wants }).agreement;
const codeOf = (text: string, wants: Partial<Capabilities> = {}) => {
  try {
    read(text, wants);
    return 'agreed';
  } catch (error) {
    return error instanceof MediaError ? error.code : error;
  }
};

describe('negotiation', () => {
  it('takes the first of our codecs that the peer has, by his number', () => {
    expect(read(offer()).parameters).toMatchObject({ codec: 'pcma', payloadType: 8, eventPayloadType: 101 });
    expect(read(offer(), { codecs: ['pcmu', 'pcma'] }).parameters).toMatchObject({ codec: 'pcmu', payloadType: 0 });
    const renumbered = changed('RTP/AVP 0 8 97 101', 'RTP/AVP 120 121').replace('rtpmap:8 ', 'rtpmap:120 ');
    expect(read(renumbered.replace('rtpmap:101 ', 'rtpmap:121 ')).parameters).toMatchObject({
      codec: 'pcma',
      payloadType: 120,
      eventPayloadType: 121,
    });
  });

  it.each([
    ['G.711 without rtpmap has static numbers', changed(/a=rtpmap:[08].*\r\n/g, ''), 8],
    ['names of codecs in any case', changed('PCMA/8000', 'pCMa/8000/1'), 8],
    ['lines ended by LF alone', offer().replaceAll('\r\n', '\n'), 8],
    ['AVPF, whose feedback we do not use', changed('RTP/AVP', 'RTP/AVPF'), 8],
    ['unknown lines and attributes', changed('t=0 0', 't=0 0\r\na=x-vendor:1\r\nb=AS:64\r\nz=strange'), 8],
    [
      'an address of the media line alone',
      changed(/c=.*\r\n/, '').replace(/(m=.*\r\n)/, '$1c=IN IP4 192.0.2.1\r\n'),
      8,
    ],
  ])('accepts %s', (_what, text, payloadType) => {
    expect(read(text).parameters).toMatchObject({ payloadType, remote: { address: '192.0.2.1', port: 49170 } });
  });

  it('refuses events with another clock, and A-law with another rate or two channels', () => {
    expect(read(changed('telephone-event/8000', 'telephone-event/48000')).parameters.eventPayloadType).toBeUndefined();
    expect(read(changed('PCMA/8000', 'PCMA/16000')).parameters.codec).toBe('pcmu');
    expect(read(changed('PCMA/8000', 'PCMA/8000/2')).parameters.codec).toBe('pcmu');
  });

  it('names no event when digits are wanted in-band', () => {
    const { parameters, formats } = read(offer(), { dtmf: 'inband' });
    expect(parameters.eventPayloadType).toBeUndefined();
    expect(formats.map((format) => format.name)).toEqual(['pcma']);
    expect(parameters.accepted.map((format) => format.name)).not.toContain('telephone-event');
  });

  it("accepts the peer's numbers before our own", () => {
    const { accepted } = read(changed('rtpmap:101 telephone-event', 'rtpmap:101 PCMA')).parameters;
    expect(accepted.find((format) => format.payloadType === 101)?.name).toBe('pcma');
  });

  it.each([
    ['sendrecv', 'sendrecv', false, true, true],
    ['sendonly', 'recvonly', true, false, true],
    ['recvonly', 'sendonly', false, true, false],
    ['inactive', 'inactive', true, false, false],
  ])('mirrors a=%s as %s (RFC 3264 §6.1)', (theirs, ours, heldByPeer, sending, receiving) => {
    for (const text of [`${offer()}a=${theirs}\r\n`, changed('t=0 0', `t=0 0\r\na=${theirs}`)]) {
      expect(read(text)).toMatchObject({ direction: ours, heldByPeer, parameters: { sending, receiving } });
    }
  });

  it('takes 0.0.0.0 for hold, and keeps the address known (RFC 3264 §8.4)', () => {
    const held = read(changed('192.0.2.1', '0.0.0.0'));
    expect(held).toMatchObject({ heldByPeer: true, direction: 'recvonly', parameters: { remote: undefined } });
  });

  it('finds the RTCP port: the next one, the one named, or the same', () => {
    expect(read(offer()).parameters.rtcp).toEqual({ address: '192.0.2.1', port: 49171, mux: false });
    expect(read(`${offer()}a=rtcp:53020 IN IP4 192.0.2.9\r\n`).parameters.rtcp).toMatchObject({
      address: '192.0.2.9',
      port: 53020,
    });
    expect(read(`${offer()}a=rtcp-mux\r\n`).parameters.rtcp.mux).toBe(true);
  });

  it.each([
    ['no common codec', changed('RTP/AVP 0 8 97 101', 'RTP/AVP 97'), 'no-common-codec'],
    ['events without audio', changed('RTP/AVP 0 8 97 101', 'RTP/AVP 101'), 'no-common-codec'],
    ['video alone', changed('m=audio', 'm=video'), 'no-common-codec'],
    ['T.38 alone', changed(/m=audio[\s\S]*/, 'm=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n'), 'no-common-codec'],
    ['encryption', changed('RTP/AVP', 'RTP/SAVP'), 'no-common-codec'],
    ['a refused stream', changed('49170', '0'), 'no-common-codec'],
    ['the other address family', changed('IP4 192.0.2.1', 'IP6 2001:db8::1'), 'bad-sdp'],
    ['multicast', changed('192.0.2.1', '224.0.0.1'), 'bad-sdp'],
    ['a name', changed('192.0.2.1', 'host.example.com'), 'bad-sdp'],
    ['no version', changed('v=0\r\n', ''), 'bad-sdp'],
    ['a port beyond the end', changed('49170', '70000'), 'bad-sdp'],
    ['nothing', '', 'bad-sdp'],
  ])('refuses %s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('speaks IPv6 if its own address does', () => {
    const ipv6 = changed('IP4 192.0.2.1', 'IP6 2001:db8::1');
    expect(read(ipv6, { family: 6 }).parameters.remote?.address).toBe('2001:db8::1');
    expect(codeOf(changed('IP4 192.0.2.1', 'IP6 ff02::1'), { family: 6 })).toBe('bad-sdp');
  });

  it('agrees or refuses, whatever becomes of a description on its way', () => {
    const lines = fc.array(
      fc.constantFrom(
        ...OFFER,
        'a=rtcp:x',
        'm=audio',
        'm=',
        'c=',
        'a=rtpmap:8',
        'm=image 9 udptl t38',
        'a=T38FaxVersion:0',
        '\0',
      ),
      {
        maxLength: 20,
      },
    );
    const damaged = fc.tuple(fc.nat(offer().length), fc.nat(20), fc.string({ unit: 'binary', maxLength: 20 }));
    const hostile = fc.oneof(
      lines.map((chosen) => offer(chosen)),
      damaged.map(([at, length, text]) => offer().slice(0, at) + text + offer().slice(at + length)),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        expect(['agreed', 'bad-sdp', 'no-common-codec']).toContain(codeOf(text));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('SdpSession', () => {
  const open = () => new SdpSession(capabilities, () => ({}), { sessionId: 42, address: '192.0.2.100', port: 20_000 });

  it('prints an offer', () => {
    const session = open();
    session.offer();
    expect(session.sdp.split('\r\n')).toEqual([
      'v=0',
      'o=- 42 1 IN IP4 192.0.2.100',
      's=-',
      'c=IN IP4 192.0.2.100',
      't=0 0',
      'm=audio 20000 RTP/AVP 8 0 101',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=ptime:20',
      'a=sendrecv',
      '',
    ]);
  });

  it('answers line by line, refusing all but the first plain audio (RFC 3264 §6)', () => {
    const session = open();
    const text = `${changed('m=audio', 'm=image 5000 udptl t38\r\nm=audio')}a=rtcp-mux\r\nm=audio 6000 RTP/AVP 8\r\nm=video 0 RTP/AVP 99\r\n`;
    session.accept(readRemote(text, capabilities));
    expect(session.sdp.split('\r\n').slice(5)).toEqual([
      'm=image 0 udptl t38',
      'm=audio 20000 RTP/AVP 8 101',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=ptime:20',
      'a=rtcp-mux',
      'a=sendrecv',
      'm=audio 0 RTP/AVP 8',
      'm=video 0 RTP/AVP 99',
      '',
    ]);
  });

  it('keeps its offer when the answer comes, and answers the offer after that (RFC 3264 §8)', () => {
    const session = open();
    session.offer();
    const offered = session.sdp;
    session.accept(readRemote(changed('0 8 97 101', '0'), capabilities));
    expect(session.sdp).toBe(offered);
    session.accept(readRemote(`${offer()}a=sendonly\r\n`, capabilities));
    expect(session.heldByPeer).toBe(true);
    expect(session.sdp).toContain('o=- 42 2 IN IP4');
    expect(session.sdp).toContain('a=recvonly');
  });
});

describe('SRTP (RFC 4568)', () => {
  const [ours, theirs] = [1, 2].map((byte) => Buffer.alloc(30, byte).toString('base64')) as [string, string];
  const srtp = { required: false };
  const crypto = (suite: string, key: string, tag = 1) => `a=crypto:${tag} ${suite} inline:${key}`;
  const secured = (...lines: readonly string[]) => `${changed('RTP/AVP', 'RTP/SAVP')}${lines.join('\r\n')}\r\n`;

  it.each([
    ['one key', [crypto('AES_CM_128_HMAC_SHA1_80', theirs)], 1, 'AES_CM_128_HMAC_SHA1_80'],
    ['a lifetime', [crypto('AES_CM_128_HMAC_SHA1_32', `${theirs}|2^31`, 9)], 9, 'AES_CM_128_HMAC_SHA1_32'],
    [
      'suites that we do not have before one that we have',
      [crypto('AEAD_AES_256_GCM', theirs), crypto('AES_CM_128_HMAC_SHA1_80', theirs, 2)],
      2,
      'AES_CM_128_HMAC_SHA1_80',
    ],
    [
      'a key with an index in each packet, or more than encryption by it, before a plain one',
      [
        crypto('AES_CM_128_HMAC_SHA1_80', `${theirs}|2^20|1:4`),
        `${crypto('AES_CM_128_HMAC_SHA1_80', theirs, 2)} UNENCRYPTED_SRTP`,
        crypto('AES_CM_128_HMAC_SHA1_80', theirs, 3),
      ],
      3,
      'AES_CM_128_HMAC_SHA1_80',
    ],
  ])('is taken with %s', (_what, lines, tag, suite) => {
    const { parameters, crypto: answered } = read(secured(...lines), { srtp });
    expect(parameters.srtp).toEqual({ suite, remote: theirs });
    expect(answered).toEqual({ tag, suite });
  });

  it.each([
    ['no key', []],
    ['a key that is too short', [crypto('AES_CM_128_HMAC_SHA1_80', 'AAAA')]],
    ['suites that we do not have', [crypto('AEAD_AES_256_GCM', theirs)]],
  ])('is refused with %s', (_what, lines) => {
    expect(codeOf(secured(...lines), { srtp })).toBe('no-common-codec');
  });

  it('is chosen where a peer offers it beside plain RTP, and not without a key of ours', () => {
    const [session, media] = [OFFER.slice(0, 5), OFFER.slice(5)];
    const second = [media[0]?.replace('49170', '49180').replace('RTP/AVP', 'RTP/SAVP') ?? '', ...media.slice(1)];
    const both = offer([...session, ...media, ...second, crypto('AES_CM_128_HMAC_SHA1_80', theirs)]);
    expect(read(both, { srtp })).toMatchObject({ index: 1, parameters: { remote: { port: 49180 } } });
    expect(read(both)).toMatchObject({ index: 0, parameters: { remote: { port: 49170 } } });
  });

  it('keeps its version of the session when a peer repeats himself, and our key has not changed', () => {
    let key = ours;
    const place = { sessionId: 1, address: '192.0.2.2', port: 4000 };
    const session = new SdpSession({ ...capabilities, srtp }, () => ({ key }), place);
    const text = secured(crypto('AES_CM_128_HMAC_SHA1_80', theirs));
    session.accept(readRemote(text, { ...capabilities, srtp }));
    const first = session.sdp;
    session.accept(readRemote(text, { ...capabilities, srtp }));
    expect(session.sdp).toBe(first);
    expect(first).toContain(`m=audio 4000 RTP/SAVP 8 101\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${ours}\r\n`);
    // A media server that chooses its keys itself has chosen another.
    key = theirs;
    session.accept(readRemote(text, { ...capabilities, srtp }));
    expect(session.sdp).toContain(`inline:${theirs}\r\n`);
    expect(session.sdp).toContain('o=- 1 2 IN IP4');
  });
});

describe('WebRTC (RFC 8827)', () => {
  const fingerprint = `sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`;
  const browser = (...more: readonly string[]) =>
    offer([
      'v=0',
      'o=- 1 2 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      'a=group:BUNDLE 0',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111 8 126',
      'c=IN IP4 0.0.0.0',
      'a=rtpmap:111 opus/48000/2',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:126 telephone-event/8000',
      'a=ice-ufrag:EsAw',
      'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
      `a=fingerprint:${fingerprint}`,
      'a=setup:actpass',
      'a=mid:0',
      'a=rtcp-mux',
      ...more,
    ]);
  const host = 'a=candidate:1 1 udp 2122260223 192.0.2.7 51000 typ host generation 0 network-id 1';
  const side: WebRtcSide = {
    ...{ ufrag: 'ours', password: 'x'.repeat(24), fingerprint, setup: 'active', mid: undefined },
    candidates: [{ foundation: '9', priority: 5, address: '192.0.2.2', port: 4000, type: 'host' }],
  };
  const webrtc = { required: false };
  const own = () => ({ webrtc: side });

  it('has the way that the candidates say, whatever the c= line says, and no candidate that cannot be used', () => {
    const more = [
      'a=candidate:2 1 udp 2122260222 5b1c7e3a.local 51001 typ host',
      'a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active',
      'a=candidate:4 2 udp 2122260222 192.0.2.7 51002 typ host',
      'a=candidate:5 1 udp 1686052607 198.51.100.7 51000 typ srflx raddr 192.0.2.7 rport 51000',
    ];
    const { parameters, heldByPeer } = read(browser(host, ...more), { webrtc });
    expect(heldByPeer).toBe(false);
    expect(parameters).toMatchObject({ remote: { address: '192.0.2.7', port: 51_000 }, codec: 'pcma', sending: true });
    expect(parameters.webrtc).toMatchObject({ ufrag: 'EsAw', setup: 'actpass', mid: '0', fingerprint });
    expect(parameters.webrtc?.candidates.map(({ type, address }) => `${type} ${address}`)).toEqual([
      'host 192.0.2.7',
      'srflx 198.51.100.7',
    ]);
  });

  it('is answered with our side, and the name of the line', () => {
    const all = { ...capabilities, webrtc };
    const session = new SdpSession(all, own, { sessionId: 1, address: '192.0.2.2', port: 4000 });
    session.accept(readRemote(browser(host), all));
    expect(session.sdp).toContain('m=audio 4000 UDP/TLS/RTP/SAVPF 8 126\r\n');
    for (const line of ['mid:0', 'ice-ufrag:ours', `fingerprint:${fingerprint}`, 'setup:active', 'rtcp-mux']) {
      expect(session.sdp).toContain(`\r\na=${line}\r\n`);
    }
    expect(session.sdp).toContain('a=candidate:9 1 udp 5 192.0.2.2 4000 typ host\r\n');
  });

  it('is offered with a handshake that either may begin', () => {
    const all = { ...capabilities, webrtc: { required: true } };
    const session = new SdpSession(all, own, { sessionId: 1, address: '192.0.2.2', port: 4000 });
    session.offer();
    expect(session.sdp).toContain('m=audio 4000 UDP/TLS/RTP/SAVPF 8 0 101\r\n');
    for (const line of ['setup:actpass', 'rtcp-mux']) expect(session.sdp).toContain(`\r\na=${line}\r\n`);
  });

  it.each([
    [
      'no candidate with an address',
      browser('a=candidate:2 1 udp 2122260222 5b1c7e3a.local 51001 typ host'),
      /microphone/,
    ],
    ['no certificate', browser(host).replace(/a=fingerprint.*\r\n/, ''), /no fingerprint/],
    ['no password of ICE', browser(host).replace(/a=ice-pwd.*\r\n/, ''), /ice-pwd/],
  ])('is refused with %s', (_what, text, why) => {
    expect(() => read(text, { webrtc })).toThrow(why);
  });

  it('is refused where nobody speaks it, with what to do', () => {
    const webrtcHint = 'take a media server that speaks it';
    expect(() => read(browser(host))).toThrow(/WebRTC.*does not speak/);
    expect(() => read(browser(host), { webrtcHint })).toThrow(webrtcHint);
    expect(() => read(browser(host), { webrtcHint, srtp: { required: true } })).toThrow(webrtcHint);
    expect(codeOf(offer(), { webrtc: { required: true } })).toBe('no-common-codec');
  });
});
