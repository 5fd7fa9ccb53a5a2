import { describe, expect, it } from 'vitest';
import { parseDtmfInfo } from '../../../src/sip/dtmf-info.ts';
import { headerLines, oneLine } from '../../../src/sip/header-fields.ts';
import { isAnonymous, parseParty, printParty, remoteParty, tryParseParty } from '../../../src/sip/party.ts';
import { printReason, reasonText } from '../../../src/sip/reason.ts';

describe('a party', () => {
  it.each([
    [
      '"Ivan \\"Vanya\\" Ivanov" <sip:ivanov@ACME.example;transport=tcp>;tag=1',
      'ivanov',
      'acme.example',
      'Ivan "Vanya" Ivanov',
    ],
    ['sip:7495@10.0.0.1:5070;tag=1', '7495', '10.0.0.1', ''],
    ['Ivan <sips:a%20b@[2001:DB8::1]:5061>', 'a b', '2001:db8::1', 'Ivan'],
    ['<sip:+7495;phone-context=x@gw.example;user=phone>', '+7495', 'gw.example', ''],
    ['<tel:+7-495-123-45-67>', '+74951234567', '', ''],
    ['<sip:acme.example>', '', 'acme.example', ''],
  ])('is read from %s', (value, user, host, display) => {
    expect(parseParty(value)).toEqual({ user, host, display });
  });

  it('is left out where it is broken', () => {
    expect(tryParseParty('<sip:a@b')).toBeUndefined();
    expect(tryParseParty(undefined)).toBeUndefined();
  });

  it.each([
    [['"Peter" <sip:456@192.0.2.1>;party=calling;screen=yes;privacy=off'], '456', false],
    [['<sip:79161234567@192.0.2.1>;privacy=full'], '79161234567', true],
    [['<sip:1@a.example>;party=called, <sip:2@a.example>;party=Calling;privacy=uri'], '2', true],
    [['<sip:broken', '<sip:3@a.example>'], '3', false],
    [['<sip:1@a.example>;party=called'], undefined, undefined],
    [[], undefined, undefined],
  ])('is who calls by Remote-Party-ID: %s', (values, user, hidden) => {
    const found = remoteParty(values);
    expect([found?.party.user, found?.hidden]).toEqual([user, hidden]);
  });

  it('is printed so that it reads the same', () => {
    for (const display of ['', 'Иван', 'say "hi" \\ bye', 'a, b; c <sip:x@y>']) {
      for (const user of ['ivanov', 'a b', 'x@y', '"<>', '#31#', '74951234567', 'a;b=c', 'Иван']) {
        const party = { user, host: 'acme.example', display };
        expect(parseParty(printParty(party))).toEqual(party);
      }
    }
  });

  it('cannot smuggle a header in', () => {
    const text = printParty({
      user: 'a\r\nX-Evil: 1',
      host: 'acme.example',
      display: 'b\r\nX-Evil: 2\0\u2028\u0085c',
    });
    expect(text).toBe('"b X-Evil: 2 c" <sip:a%0D%0AX-Evil%3A%201@acme.example>');
    expect(() => printParty({ user: 'a', host: 'b\r\nX: 1', display: '' })).toThrow(RangeError);
    expect(() => printParty({ user: 'a', host: 'b>;tag=1', display: '' })).toThrow(RangeError);
  });

  it('without a host is ours', () => {
    expect(printParty({ user: 'a', host: '', display: '' })).toBe('<sip:a@localhost>');
    expect(printParty({ user: 'a', host: '2001:db8::1', display: '' })).toBe('<sip:a@[2001:db8::1]>');
  });

  it('may wish not to be shown', () => {
    const known = { user: '7495', host: 'x.example', display: '' };
    expect(isAnonymous({ ...known, user: 'Anonymous' }, undefined)).toBe(true);
    expect(isAnonymous({ ...known, host: 'anonymous.invalid' }, undefined)).toBe(true);
    expect(isAnonymous(known, 'id;critical')).toBe(true);
    expect(isAnonymous(known, 'none')).toBe(false);
    expect(isAnonymous(known, undefined)).toBe(false);
  });
});

describe('header fields', () => {
  it('stay on their lines; a list makes lines of its own', () => {
    expect(headerLines({ Subject: 'a\r\nb: c', 'WWW-Authenticate': ['x', 'y\nz'], Empty: [] })).toEqual({
      Subject: 'a b: c',
      'WWW-Authenticate': 'x\r\nWWW-Authenticate: y z',
    });
    expect(() => headerLines({ 'a b': 'c' })).toThrow(RangeError);
    expect(() => headerLines({ 'a\r\nb': 'c' })).toThrow(RangeError);
    expect(oneLine(' a\tb\x7f ')).toBe('a b');
  });
});

describe('a Reason', () => {
  it('is printed and read', () => {
    const header = printReason({ protocol: 'SIP', cause: 200, text: 'Call completed "elsewhere"' });
    expect(header).toBe('SIP;cause=200;text="Call completed \\"elsewhere\\""');
    expect(reasonText(header)).toBe('Call completed "elsewhere"');
    expect(reasonText('Q.850 ;cause=16 ; text = Normal, SIP;cause=200;text="x"')).toBe('Normal');
    expect(reasonText('Q.850;cause=16')).toBe('Q.850;cause=16');
    expect(reasonText(undefined)).toBeUndefined();
    expect(printReason({ protocol: 'Q.850', cause: 16 })).toBe('Q.850;cause=16');
  });
});

describe('a digit in an INFO', () => {
  it.each([
    ['application/dtmf-relay', 'Signal=5\r\nDuration=250\r\n', '5', 250],
    ['Application/DTMF-Relay; charset=utf-8', ' signal = #\n', '#', 160],
    ['application/dtmf-relay', 'Duration=100\r\nSignal= 11', '#', 100],
    ['application/dtmf-relay', 'Signal=d\r\nDuration=0\r\n', 'D', 160],
    ['application/dtmf', '1', '1', 160],
    ['application/dtmf', '*\r\n', '*', 160],
    ['application/dtmf', '10', '*', 160],
    ['application/dtmf', 'Signal=7', '7', 160],
  ])('%s %j is %s', (type, body, digit, durationMs) => {
    expect(parseDtmfInfo(type, body)).toEqual({ digit, durationMs });
  });

  it.each([
    ['application/dtmf-relay', ''],
    ['application/dtmf-relay', 'Signal=16\r\n'],
    ['application/dtmf-relay', 'Signal=hf\r\n'],
    ['application/dtmf', '55'],
    ['application/dtmf', '!'],
  ])('%s %j is none', (type, body) => {
    expect(parseDtmfInfo(type, body)).toBeUndefined();
  });
});
