import { describe, expect, it } from 'vitest';
import { sendableStatus } from '../../../src/sip/drachtio.ts';
import { ownHosts } from '../../../src/sip/own-hosts.ts';
import { plainAddress } from '../../../src/sip/request.ts';
import { answerWithoutIdentity } from '../../../src/sip/responder.ts';
import { includesPort } from '../../../src/sip/trunk-peers.ts';
import { nativeRequest, type RequestParts, requestOf } from './request-of.ts';

const contact = { contact: '<sip:ivanov@198.51.100.7>' };

describe('the answer to a request that needs no identity', () => {
  it.each<[string, RequestParts, number | undefined, string?, string?]>([
    ['an INVITE in order', { headers: contact }, undefined],
    ['… with 100rel', { headers: { ...contact, require: '100rel' } }, undefined],
    [
      '… with an unknown extension',
      { headers: { ...contact, require: '100rel, timer,foo' } },
      420,
      'Unsupported',
      'timer, foo',
    ],
    ['… without a Contact', {}, 400],
    ['… with two', { headers: { contact: '<sip:a@b>, <sip:c@d>' } }, 400],
    ['… with one that cannot be called', { headers: { contact: '<tel:+7495>' } }, 400],
    ['… with a broken one', { headers: { contact: '<sip:a@b' } }, 400],
    ['… for a dialog that is no more', { headers: contact, to: '<sip:100@acme.example>;tag=x' }, 481],
    ['a REGISTER', { method: 'REGISTER' }, undefined],
    ['… with Path', { method: 'REGISTER', headers: { require: 'path' } }, undefined],
    ['… with outbound', { method: 'REGISTER', headers: { require: 'outbound' } }, 420, 'Unsupported', 'outbound'],
    ['OPTIONS', { method: 'OPTIONS' }, 200, 'Accept', 'application/sdp, application/dtmf-relay, application/dtmf'],
    ['SUBSCRIBE', { method: 'SUBSCRIBE', headers: { event: 'dialog' } }, 489, 'Allow-Events', 'message-summary'],
    ['… to nothing', { method: 'SUBSCRIBE', headers: contact }, 489, 'Allow-Events', 'message-summary'],
    ['… in order', { method: 'SUBSCRIBE', headers: { ...contact, event: 'message-summary;id=1' } }, undefined],
    ['… in short', { method: 'SUBSCRIBE', headers: { ...contact, o: 'Message-Summary' } }, undefined],
    ['… without a Contact', { method: 'SUBSCRIBE', headers: { event: 'message-summary' } }, 400],
    [
      '… with an unknown extension',
      { method: 'SUBSCRIBE', headers: { ...contact, event: 'message-summary', require: 'eventlist' } },
      420,
    ],
    ['PUBLISH', { method: 'PUBLISH' }, 489],
    [
      'MESSAGE',
      { method: 'MESSAGE' },
      405,
      'Allow',
      'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, NOTIFY, SUBSCRIBE',
    ],
    ['REFER', { method: 'REFER' }, 405],
    ['a method that nobody knows', { method: 'DANCE' }, 405],
    ['NOTIFY', { method: 'NOTIFY' }, 481],
    ['BYE', { method: 'BYE' }, 481],
    ['PRACK', { method: 'PRACK', to: '<sip:100@acme.example>;tag=x' }, 200],
  ])('%s', (_, parts, status, header, value) => {
    const answer = answerWithoutIdentity(requestOf(parts));
    expect(answer?.status).toBe(status);
    if (header) expect(answer?.headers?.[header]).toBe(value);
  });
});

describe('reading a request', () => {
  it.each<[string, RequestParts, number]>([
    ['another scheme', { uri: 'urn:service:sos' }, 416],
    ['a broken From', { from: '<sip:a' }, 400],
    ['a broken CSeq', { headers: { cseq: 'x INVITE' } }, 400],
    ['a CSeq that is too high', { headers: { cseq: '2147483648 INVITE' } }, 400],
  ])('refuses %s', (_, parts, status) => {
    expect(() => requestOf(parts)).toThrow(expect.objectContaining({ status }));
  });

  it('finds headers by any spelling, folded or joined', () => {
    const request = requestOf({
      headers: { ...contact, 'p-asserted-identity': '<sip:1@x>, <tel:+2>', subject: 'a\r\n b' },
    });
    expect(request.headers.get('P-Asserted-Identity')).toBe('<sip:1@x>');
    expect(request.headers.get('s')).toBe('a b');
    expect(request.headers.get('m')).toBe(contact.contact);
    expect(nativeRequest().body).toBe('');
    expect(request.body).toBeUndefined();
  });

  it('spells addresses one way', () => {
    expect(plainAddress('[2001:DB8::1]')).toBe('2001:db8::1');
    expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(requestOf({ source: { protocol: 'udp', address: '::FFFF:192.0.2.1' } }).source.address).toBe('192.0.2.1');
  });
});

describe('small things', () => {
  it('our own hosts follow the connection', () => {
    let listening: readonly string[] = ['udp/192.0.2.1:5060', 'tcp/[2001:DB8::1]:5060'];
    const isOwn = ownHosts(() => listening, ['PBX.example']);
    expect(['192.0.2.1', '2001:db8::1', 'pbx.example', 'localhost'].map(isOwn)).toEqual([true, true, true, true]);
    listening = ['udp/0.0.0.0:5060'];
    expect([isOwn('192.0.2.1'), isOwn('127.0.0.1'), isOwn('pbx.example')]).toEqual([false, true, true]);
  });

  it('ports are lists of ports and ranges (§5.3.1.1)', () => {
    const has = (port: number) => includesPort('5060; 5070 - 5080,6000', port);
    expect([5059, 5060, 5061, 5070, 5075, 5080, 5081, 6000].filter(has)).toEqual([5060, 5070, 5075, 5080, 6000]);
  });

  it('a status that the library cannot send stands for its class', () => {
    expect([486, 607, 469, 599, 399].map(sendableStatus)).toEqual([486, 600, 400, 500, 300]);
  });
});
