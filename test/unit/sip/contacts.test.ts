import { describe, expect, it } from 'vitest';
import type { Binding, NewContact } from '../../../src/redis/registrations.ts';
import { defaultContactRules, printContact, type RegisterContacts, readContacts } from '../../../src/sip/contacts.ts';
import { Headers, SipParseError } from '../../../src/sip/message.ts';
import type { Source } from '../../../src/sip/port.ts';
import { contactTarget, peerTarget, targetUri } from '../../../src/sip/target.ts';

const source: Source = { protocol: 'udp', address: '198.51.100.7', port: 40_000 };

function read(contacts: string | string[], expires?: string, from: Source = source): RegisterContacts {
  const headers = Headers.from([contacts].flat().map((value) => ['Contact', value]));
  if (expires !== undefined) headers.append('Expires', expires);
  return readContacts(headers, from, defaultContactRules);
}

function bound(contacts: string | string[], expires?: string, from?: Source): readonly NewContact[] {
  const result = read(contacts, expires, from);
  if (result.kind !== 'bind') throw new Error(result.kind);
  return result.contacts;
}

const keyOf = (contact: string, from?: Source) => bound(contact, undefined, from)[0]?.key;

describe('the Contacts of a REGISTER (RFC 3261 §10.3)', () => {
  it('are asked for when there are none', () => {
    expect(readContacts(Headers.from([]), source, defaultContactRules)).toEqual({ kind: 'query' });
    expect(readContacts(Headers.from([['Expires', '0']]), source, defaultContactRules)).toEqual({ kind: 'query' });
  });

  it('are all removed by "*", alone and with Expires: 0', () => {
    expect(read('*', '0')).toEqual({ kind: 'removeAll' });
    expect(() => read('*')).toThrow(SipParseError);
    expect(() => read('*', '60')).toThrow(SipParseError);
    expect(() => read(['*', '<sip:a@b>'], '0')).toThrow(SipParseError);
  });

  it.each<[string, string | undefined, number]>([
    ['<sip:a@b>', undefined, 600],
    ['<sip:a@b>', '120', 120],
    ['<sip:a@b>;expires=90', '120', 90],
    ['<sip:a@b>;expires=0', '120', 0],
    ['<sip:a@b>', '86400', 3600],
    ['<sip:a@b>;expires=junk', '120', 3600],
    ['<sip:a@b>;expires=99999999999999999999', undefined, 3600],
  ])('%s with Expires %s lasts %i seconds', (contact, expires, seconds) => {
    expect(bound(contact, expires)[0]?.expires).toBe(seconds);
  });

  it('that would expire too soon are refused together', () => {
    expect(read(['<sip:a@b>;expires=59', '<sip:c@b>;expires=60'])).toEqual({ kind: 'tooBrief', minExpires: 60 });
    expect(read(['<sip:a@b>;expires=0', '<sip:c@b>;expires=60']).kind).toBe('bind');
  });

  it('come in one line or in several, with commas inside names and brackets', () => {
    const contacts = bound(['"a, b" <sip:a@b;x=1,2>;q=0.5, sip:c@d;expires=100', '<sip:e@f>']);
    expect(contacts.map(({ uri, q, expires }) => [uri, q, expires])).toEqual([
      ['sip:a@b;x=1,2', 0.5, 600],
      ['sip:c@d', 1, 100],
      ['sip:e@f', 1, 600],
    ]);
  });

  it('keep a q that is one, and the instance with its flow', () => {
    const instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';
    const [contact] = bound(`<sip:a@b>;q=0.75;${instance};reg-id=2`);
    expect(contact).toEqual({
      key: '<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF> 2',
      uri: 'sip:a@b',
      expires: 600,
      q: 0.75,
      instance: '<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>',
      regId: 2,
    });
    expect(bound('<sip:a@b>;q=1.5')[0]?.q).toBe(1);
    expect(bound(`<sip:a@b>;${instance}`)[0]?.key).toBe('sip:a@b');
  });

  it.each([
    ['<tel:+7495>'],
    ['<http://a>'],
    ['<sip:a@b'],
    ['<sip:a@b>;reg-id=0'],
    ['<sip:a@b>;+sip.instance="urn:x"'],
    [Array<string>(11).fill('<sip:a@b>').join(',')],
  ])('%s is a bad request', (contact) => {
    expect(() => read(contact)).toThrow(SipParseError);
  });

  it('are the same binding when their URIs are equal (§19.1.4)', () => {
    const key = keyOf('<sip:alice@AtLanTa.CoM;Transport=tcp>');
    expect(keyOf('<sip:%61lice@atlanta.com;transport=TCP>')).toBe(key);
    expect(keyOf('<sip:alice@atlanta.com;transport=tcp;rinstance=1>')).toBe(key);
    for (const other of [
      '<sip:ALICE@atlanta.com;transport=tcp>',
      '<sip:alice@atlanta.com;transport=udp>',
      '<sip:alice@atlanta.com>',
      '<sip:alice@atlanta.com:5060;transport=tcp>',
      '<sips:alice@atlanta.com;transport=tcp>',
      '<sip:atlanta.com;transport=tcp>',
    ]) {
      expect(keyOf(other)).not.toBe(key);
    }
  });

  it('of two homes with the same private address are two', () => {
    const there = { ...source, address: '203.0.113.5' };
    const contact = '<sip:a@192.168.1.5:5060>';
    expect(keyOf(contact)).not.toBe(keyOf(contact, there));
    expect(keyOf(contact)).toBe(keyOf(contact, { ...source, port: 1 }));
    expect(keyOf('<sip:a@192.0.2.5>')).toBe(keyOf('<sip:a@192.0.2.5>', there));
    const lan = { ...source, address: '192.168.1.5' };
    expect(keyOf(contact, lan)).toBe('sip:a@192.168.1.5:5060');
  });

  it('never put a line feed into a key', () => {
    expect(keyOf('<sip:a%0Ab@c.example>')).not.toContain('\n');
  });
});

describe('a Contact of the answer', () => {
  const binding = { uri: 'sip:a@b', expires: 30, q: 1 } as Binding;
  it('says how long it lasts, and what it came with', () => {
    expect(printContact(binding)).toBe('<sip:a@b>;expires=30');
    const more = { ...binding, q: 0.5, instance: '<urn:x>', regId: 1 };
    expect(printContact(more)).toBe('<sip:a@b>;expires=30;q=0.5;+sip.instance="<urn:x>";reg-id=1');
  });
});

describe('where a registered phone is called', () => {
  const target = (uri: string, from: Partial<Source> = {}, path: string[] = []) =>
    contactTarget({ uri, path, receivedFrom: { ...source, ...from } });

  it('is its Contact, where that is where it was seen', () => {
    expect(target('sip:a@198.51.100.7:5070')).toEqual({ uri: 'sip:a@198.51.100.7:5070' });
  });

  it('is the source of its REGISTER behind NAT, and over a connection', () => {
    const uri = 'sip:a@192.168.1.5:5060';
    expect(target(uri)).toEqual({ uri, nextHop: source });
    const tcp = { ...source, protocol: 'tcp' } as const;
    expect(target('sip:a@198.51.100.7:5060;transport=tcp', tcp).nextHop).toEqual(tcp);
    expect(target('sip:a@x.invalid;transport=ws', { protocol: 'ws' }).nextHop?.protocol).toBe('ws');
  });

  it('says which SIP server it has registered at, and whether others reach it', () => {
    const edge = (uri: string, protocol: Source['protocol'] = 'udp') =>
      contactTarget({ uri, path: [], receivedFrom: { ...source, protocol }, server: 'node-1' }).edge;
    expect(edge('sip:a@198.51.100.7:5070')).toEqual({ server: 'node-1', reach: 'open' });
    expect(edge('sip:a@192.168.1.5:5060')).toEqual({ server: 'node-1', reach: 'near' });
    expect(edge('sip:a@198.51.100.7:5070;transport=tcp', 'tcp')).toEqual({ server: 'node-1', reach: 'held' });
    const path = ['<sip:192.0.2.4;lr>'];
    expect(contactTarget({ uri: 'sip:a@b', path, receivedFrom: source, server: 'node-1' })).not.toHaveProperty('edge');
  });

  it('is the edge that it registered through', () => {
    expect(target('sip:a@192.168.1.5', {}, ['<sip:192.0.2.4:5080;transport=tcp;lr>', '<sip:192.0.2.5;lr>'])).toEqual({
      uri: 'sip:a@192.168.1.5',
      nextHop: { protocol: 'tcp', address: '192.0.2.4', port: 5080 },
    });
  });
});

describe('a target', () => {
  it('of a peer is escaped', () => {
    expect(peerTarget({ user: '#1 2', host: '2001:db8::1', port: 5070, transport: 'tcp' }).uri).toBe(
      'sip:%231%202@[2001:db8::1]:5070;transport=tcp',
    );
    expect(() => peerTarget({ user: '1', host: 'a b' })).toThrow(RangeError);
  });

  it('is fit for a request line', () => {
    expect(targetUri('sip:a@b;transport=tcp?Subject=x')).toBe('sip:a@b;transport=tcp');
    expect(() => targetUri('sip:a@b\r\nX: y')).toThrow(SipParseError);
    expect(() => targetUri('sip:a@b SIP/2.0')).toThrow(SipParseError);
  });
});
