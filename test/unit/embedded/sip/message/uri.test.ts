import { describe, expect, it } from 'vitest';
import {
  escapeUriHeader,
  escapeUser,
  Params,
  parseSipUri,
  parseUri,
  percentDecode,
  printUri,
  SipParseError,
  sameUri,
  sipUri,
  uriHeaders,
} from '../../../../../src/embedded/sip/message/index.ts';

describe('parseUri', () => {
  it.each([
    ['sip:a', { user: undefined, host: 'a', port: undefined }],
    ['sip:alice:secret@atlanta.com:5070;transport=tcp', { user: 'alice', password: 'secret', port: 5070 }],
    ['SIPS:+1-212-555-1212:1234@gateway.com;user=phone', { scheme: 'sips', user: '+1-212-555-1212' }],
    ['sip:[2001:db8::1]:5060', { host: '2001:db8::1', port: 5060 }],
    ['sip:a@[::1]', { host: '::1', port: undefined }],
    ['sip:host?Subject=x', { host: 'host', headers: 'Subject=x' }],
    ['sip:a@h;lr?R=b@c', { user: 'a', host: 'h', headers: 'R=b@c' }],
    ['sip:my_container:5060', { host: 'my_container' }],
  ])('%s', (text, expected) => {
    expect(parseUri(text)).toMatchObject({ kind: 'sip', ...expected });
  });

  it.each([
    '',
    'sip:',
    'sip:@host',
    'sip:a@',
    'sip:a@b@c',
    'sip:a@host:port',
    'sip:a@host:70000',
    'sip:a@host:',
    'sip:a@[::1',
    'sip:a@[zz]',
    'sip:a b@host',
    'sip:a@host;;',
    '<sip:a@host>',
    'alice@example.com',
    '1:2',
    'tel:',
    'tel:abc-xyz',
  ])('refuses %j', (text) => {
    expect(() => parseUri(text)).toThrow(SipParseError);
  });

  it.each([
    'sip:a',
    'sip:alice:secret@atlanta.com:5070;transport=tcp;lr?Subject=x&Priority=y',
    'sips:a%40b@[2001:db8::1]:5061;Weird=%41',
    'tel:+7-495-123-45-67;ext=12',
    'urn:service:sos',
  ])('prints %s as it was', (text) => {
    expect(printUri(parseUri(text))).toBe(text);
  });

  it('wants sip or sips where nothing else will do', () => {
    expect(() => parseSipUri('tel:+1')).toThrow(expect.objectContaining({ status: 416 }));
    expect(printUri(sipUri({ user: escapeUser('Иван b'), host: '::1', port: 5060 }))).toBe(
      'sip:%D0%98%D0%B2%D0%B0%D0%BD%20b@[::1]:5060',
    );
  });

  it('reads escapes', () => {
    expect(percentDecode('%D0%98%D0%B2an%zz%4')).toBe('Иван%zz%4'.replace('ан', 'an'));
    expect(escapeUser('a@b:c')).toBe('a%40b%3Ac');
    const replaces = 'x@y;to-tag=1&2';
    expect(uriHeaders(parseSipUri(`sip:a@b?Replaces=${escapeUriHeader(replaces)}`))).toEqual([['Replaces', replaces]]);
    expect(uriHeaders(parseSipUri('sip:a@b?Replaces=x%40y%3Bto-tag%3D1&Flag'))).toEqual([
      ['Replaces', 'x@y;to-tag=1'],
      ['Flag', ''],
    ]);
  });
});

describe('sameUri, RFC 3261 §19.1.4', () => {
  // The RFC's own examples.
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtlanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['tel:+7-495-123', 'tel:+7495123'],
  ])('%s = %s', (a, b) => {
    expect(sameUri(parseUri(a), parseUri(b))).toBe(true);
    expect(sameUri(parseUri(b), parseUri(a))).toBe(true);
  });

  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a%3Bb@h', 'sip:a;b@h'],
    ['sip:a@h', 'sips:a@h'],
    ['tel:+1;ext=1', 'tel:+1'],
  ])('%s ≠ %s', (a, b) => {
    expect(sameUri(parseUri(a), parseUri(b))).toBe(false);
    expect(sameUri(parseUri(b), parseUri(a))).toBe(false);
  });
});

describe('Params', () => {
  it('reads, changes and prints', () => {
    const params = Params.parse(' ; a = 1 ;FLAG; q="x;\\"y" ');
    expect([params.get('A'), params.get('flag'), params.get('Q'), params.get('z')]).toEqual([
      '1',
      '',
      'x;"y',
      undefined,
    ]);
    expect(String(params)).toBe(';a=1;FLAG;q="x;\\"y"');
    expect(String(params.with('a', '2').with('n', true).without('flag'))).toBe(';a=2;q="x;\\"y";n');
    expect(String(params.without('z'))).toBe(String(params));
    expect(String(Params.of({ text: 'a b', host: '[::1]:5' }))).toBe(';text="a b";host=[::1]:5');
  });

  it.each([';;', ';=1', ';a;;b', ';q="open'])('refuses %s', (text) => {
    expect(() => Params.parse(text)).toThrow(SipParseError);
  });
});
