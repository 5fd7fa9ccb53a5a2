import { describe, expect, it } from 'vitest';
import { canonicalName, Headers, splitList } from '../../../../../src/embedded/sip/message/index.ts';

const sample = () =>
  Headers.from([
    ['Via', 'SIP/2.0/UDP a, SIP/2.0/UDP b'],
    ['v', 'SIP/2.0/UDP c'],
    ['Subject', 'one, two'],
    ['Contact', '"Smith, John" <sip:a@b?x=1,2>;q=1, <sip:c@d>'],
  ]);

const lines = (headers: Headers) => [...headers].map(([name, value]) => `${name}: ${value}`);

describe('Headers', () => {
  it('finds by any spelling and splits only what is a list', () => {
    const headers = sample();
    expect(headers.get('VIA')).toBe('SIP/2.0/UDP a');
    expect(headers.all('V')).toEqual(['SIP/2.0/UDP a', 'SIP/2.0/UDP b', 'SIP/2.0/UDP c']);
    expect(headers.all('subject')).toEqual(['one, two']);
    expect(headers.all('m')).toEqual(['"Smith, John" <sip:a@b?x=1,2>;q=1', '<sip:c@d>']);
    expect(headers.all('absent')).toEqual([]);
    expect([headers.has('via'), headers.has('absent'), headers.get('absent'), headers.count('via')]).toEqual([
      true,
      false,
      undefined,
      2,
    ]);
  });

  it('set replaces all in the place of the first', () => {
    expect(lines(sample().set('Via', 'x')).slice(0, 2)).toEqual(['Via: x', 'Subject: one, two']);
    expect(lines(sample().set('New', 'x')).at(-1)).toBe('New: x');
  });

  it('prepend, append and remove', () => {
    const headers = sample().prepend('Via', 'z').append('Via', 'y').remove('subject');
    expect(headers.all('Via')).toEqual(['z', 'SIP/2.0/UDP a', 'SIP/2.0/UDP b', 'SIP/2.0/UDP c', 'y']);
    expect(headers.has('Subject')).toBe(false);
  });

  it('replaceFirst and removeFirst leave the rest of a list', () => {
    expect(sample().replaceFirst('Via', 'z').all('Via')).toEqual(['z', 'SIP/2.0/UDP b', 'SIP/2.0/UDP c']);
    const headers = sample();
    expect(headers.removeFirst('Via').all('Via')).toEqual(['SIP/2.0/UDP b', 'SIP/2.0/UDP c']);
    expect(headers.removeFirst('Via').removeFirst('Via').has('Via')).toBe(false);
    expect(headers.removeFirst('Via').size).toBe(2);
  });

  it('lets no line end in', () => {
    expect(new Headers().append('X', 'a\r\nEvil: b\nc\r d').get('X')).toBe('a Evil: b c d');
  });

  it('clones independently', () => {
    const headers = sample();
    headers.clone().remove('Via');
    expect(headers.has('Via')).toBe(true);
  });
});

describe('splitList', () => {
  it.each([
    ['a, b ,c', ['a', 'b', 'c']],
    ['a,,b,', ['a', 'b']],
    ['"a,b", c', ['"a,b"', 'c']],
    ['"a\\",b", c', ['"a\\",b"', 'c']],
    ['<sip:a,b>, c', ['<sip:a,b>', 'c']],
    ['', []],
  ])('%s', (text, elements) => {
    expect(splitList(text)).toEqual(elements);
  });
});

describe('canonicalName', () => {
  it.each([
    ['v', 'Via'],
    ['call-id', 'Call-ID'],
    ['CSEQ', 'CSeq'],
    ['www-authenticate', 'WWW-Authenticate'],
    ['p-asserted-identity', 'P-Asserted-Identity'],
    ['foo-bar', 'Foo-Bar'],
    ['x', 'Session-Expires'],
  ])('%s → %s', (name, usual) => {
    expect(canonicalName(name)).toBe(usual);
  });
});
