import { describe, expect, it } from 'vitest';
import {
  Headers,
  parseCSeq,
  parseNameAddr,
  parseUri,
  parseVia,
  printCSeq,
  printNameAddr,
  printVia,
  reasonPhrase,
  responseTo,
  SipParseError,
  SipRequest,
} from '../../../../../src/embedded/sip/message/index.ts';

describe('parseNameAddr', () => {
  it.each([
    ['<sip:a@b>;tag=1', undefined, 'sip:a@b', '1'],
    ['Alice <sip:a@b;lr>;tag=1', 'Alice', 'sip:a@b;lr', '1'],
    ['"A \\"B\\" <C>"<sip:a@b> ; tag = 1', 'A "B" <C>', 'sip:a@b', '1'],
    ['sip:a@b;tag=1', undefined, 'sip:a@b', '1'],
    ['"Иванов" <sip:a@b>;tag=1', 'Иванов', 'sip:a@b', '1'],
    ['<tel:+1;ext=2>;tag=1', undefined, 'tel:+1;ext=2', '1'],
  ])('%s', (text, displayName, uri, tag) => {
    const parsed = parseNameAddr(text);
    expect(parsed.displayName).toBe(displayName);
    expect(parsed.uri).toEqual(parseUri(uri));
    expect(parsed.params.get('tag')).toBe(tag);
  });

  it.each(['', '<sip:a@b', '"x <sip:a@b>', '"x" sip:a@b', '<sip:a@b> rest', 'a@b', 'sip:a@b?x=1', '<>'])(
    'refuses %j',
    (text) => {
      expect(() => parseNameAddr(text)).toThrow(SipParseError);
    },
  );

  it('prints with quotes and brackets', () => {
    expect(printNameAddr(parseNameAddr('A "b <sip:a@b;x>;tag=1'.replace('"', '')))).toBe('"A b" <sip:a@b;x>;tag=1');
    expect(printNameAddr({ uri: parseUri('sip:a@b') })).toBe('<sip:a@b>');
    expect(printNameAddr({ displayName: 'a"\\', uri: parseUri('sip:a@b') })).toBe('"a\\"\\\\" <sip:a@b>');
  });
});

describe('Via and CSeq', () => {
  it('reads and prints', () => {
    const via = parseVia('SIP / 2.0 / UDP [2001:db8::1] : 5070 ; branch=z9hG4bK1;rport');
    expect(via).toMatchObject({ version: '2.0', transport: 'UDP', host: '2001:db8::1', port: 5070 });
    expect(printVia(via)).toBe('SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK1;rport');
    expect(printCSeq(parseCSeq('0009   INVITE'))).toBe('9 INVITE');
    expect(parseCSeq('2147483647 ACK').number).toBe(2 ** 31 - 1);
  });

  it.each(['', 'SIP/2.0 h', 'SIP/2.0/UDP', 'SIP/2.0/UDP ;x', 'HTTP/2.0/UDP h', 'SIP/2.0/UDP h:p'])(
    'refuses %j',
    (text) => {
      expect(() => parseVia(text)).toThrow(SipParseError);
    },
  );

  it.each(['', '1', 'INVITE', '-1 INVITE', '1.5 INVITE', '2147483648 INVITE', '1e3 INVITE', '0x1 INVITE'])(
    'refuses CSeq %j',
    (text) => {
      expect(() => parseCSeq(text)).toThrow(SipParseError);
    },
  );
});

describe('responseTo, RFC 3261 §8.2.6', () => {
  const request = new SipRequest(
    'INVITE',
    'sip:a@b',
    Headers.from([
      ['Via', 'SIP/2.0/UDP p1;branch=z9hG4bK2, SIP/2.0/UDP p2;branch=z9hG4bK1'],
      ['To', 'sip:a@b;x=y'],
      ['From', '<sip:c@d>;tag=f'],
      ['Call-ID', 'i'],
      ['CSeq', '1 INVITE'],
      ['Timestamp', '54'],
      ['Record-Route', '<sip:p1;lr>'],
    ]),
  );

  it('copies what belongs to every response and adds the To tag', () => {
    const response = responseTo(request, 486, { toTag: 't', headers: [['Retry-After', '5']] });
    expect([...response.headers]).toEqual([
      ['Via', 'SIP/2.0/UDP p1;branch=z9hG4bK2'],
      ['Via', 'SIP/2.0/UDP p2;branch=z9hG4bK1'],
      ['From', '<sip:c@d>;tag=f'],
      ['To', 'sip:a@b;x=y;tag=t'],
      ['Call-ID', 'i'],
      ['CSeq', '1 INVITE'],
      ['Retry-After', '5'],
    ]);
    expect(response.reason).toBe('Busy Here');
  });

  it('gives a 100 the Timestamp and no tag', () => {
    const response = responseTo(request, 100, { toTag: 't' });
    expect(response.headers.get('Timestamp')).toBe('54');
    expect(response.to.params.has('tag')).toBe(false);
  });

  it('keeps the tag of a request within a dialog', () => {
    const within = request.clone();
    within.headers.set('To', '<sip:a@b>;tag=old');
    expect(responseTo(within, 200, { toTag: 't' }).to.params.get('tag')).toBe('old');
  });

  it('returns a To that cannot be read as it came', () => {
    const broken = request.clone();
    broken.headers.set('To', '"open <sip:a@b>');
    expect(responseTo(broken, 400, { toTag: 't' }).headers.get('To')).toBe('"open <sip:a@b>');
  });

  it('knows words for every status', () => {
    expect([reasonPhrase(200), reasonPhrase(699), reasonPhrase(477)]).toEqual(['OK', 'Busy Everywhere', 'Bad Request']);
  });
});
