import { describe, expect, it } from 'vitest';
import { AppMessageError, parseAppMessage } from '../../../../../src/embedded/sip/protocol/app-message.ts';
import { CommandError, parseCommand } from '../../../../../src/embedded/sip/protocol/command.ts';

const command = (leader: string, message?: string) =>
  parseCommand(Buffer.from(message === undefined ? leader : `${leader}\r\n${message}`));

// Leaders as drachtio-srf sends them to the original server.
describe('commands', () => {
  it('authenticate, with and without tags', () => {
    expect(command('id|authenticate|cymru|tag1,tag2')).toEqual({ kind: 'authenticate', id: 'id', secret: 'cymru' });
    expect(command('id|authenticate|cymru|')).toMatchObject({ secret: 'cymru' });
  });

  it('route, remove_route, ping', () => {
    expect(command('id|route|INVITE')).toEqual({ kind: 'route', id: 'id', verb: 'invite' });
    expect(command('id|remove_route|register')).toEqual({ kind: 'remove_route', id: 'id', verb: 'register' });
    expect(command('id|ping')).toEqual({ kind: 'ping', id: 'id' });
  });

  it('a new request, with and without a proxy', () => {
    const request = 'INVITE sip:z@10.0.0.7 SIP/2.0\r\nTo: sip:z@10.0.0.7\r\nContent-Length: 5\r\n\r\nv=0\r\n';
    const parsed = command('id|sip|||sip:10.0.0.8;transport=tcp', request);
    expect(parsed).toMatchObject({ transactionId: '', dialogId: '', proxy: 'sip:10.0.0.8;transport=tcp' });
    expect(command('id|sip||', request)).toMatchObject({ transactionId: '', dialogId: '', proxy: '' });
  });

  it('a response, and a request inside a dialog', () => {
    expect(command('id|sip|txn-1|', 'SIP/2.0 200 OK\r\n\r\n')).toMatchObject({ transactionId: 'txn-1', dialogId: '' });
    expect(command('id|sip||call;from-tag=x', 'ACK sip:placeholder SIP/2.0\r\n\r\n')).toMatchObject({
      transactionId: '',
      dialogId: 'call;from-tag=x',
    });
  });

  it('proxy', () => {
    const leader = 'id|proxy|txn-1|remainInDialog|fullResponse||serial|2s|1500ms|sip:a|sip:b';
    expect(command(leader, 'INVITE sip:a SIP/2.0\r\nX-A: 1\r\n\r\n')).toMatchObject({
      kind: 'proxy',
      transactionId: 'txn-1',
      recordRoute: true,
      fullResponse: true,
      followRedirects: false,
      parallel: false,
      provisionalTimeout: 2000,
      finalTimeout: 1500,
      targets: ['sip:a', 'sip:b'],
    });
    expect(
      command('id|proxy|t||fullResponse|followRedirects|simultaneous|||sip:a', 'INVITE sip:a SIP/2.0\r\n\r\n'),
    ).toMatchObject({
      recordRoute: false,
      followRedirects: true,
      parallel: true,
      provisionalTimeout: undefined,
      finalTimeout: undefined,
    });
  });

  it.each([
    ['', 'Invalid message format'],
    ['|ping', 'Invalid message format'],
    ['id', 'Invalid message format'],
    ['id|sip||', 'Invalid message format'],
    ['id|frobnicate', 'Unknown message type'],
  ])('%j is none: %s', (leader, reply) => {
    expect(() => command(leader)).toThrow(expect.objectContaining({ reply }));
    expect(() => command(leader)).toThrow(CommandError);
  });
});

describe('the SIP part of a frame', () => {
  const parse = (text: string) => parseAppMessage(Buffer.from(text));

  it('is a draft: nothing is missing that the server fills in', () => {
    const message = parse('SIP/2.0 180 Ringing\r\n\r\n');
    expect(message).toMatchObject({ kind: 'response', status: 180, reason: 'Ringing' });
    expect(parse('BYE sip:placeholder SIP/2.0\r\n\r\n')).toMatchObject({ kind: 'request', method: 'BYE' });
  });

  it('names get their usual spelling, X headers keep theirs, compact forms are written out', () => {
    const { headers } = parse(
      'INVITE sip:a SIP/2.0\r\ncall-id: 1\r\nm: <sip:x>\r\nfoo-bar: 2\r\nx-MiXed: 3\r\np-asserted-identity: <sip:y>\r\n\r\n',
    );
    expect([...headers.entries()].map(([name]) => name)).toEqual([
      'Call-ID',
      'Contact',
      'Foo-Bar',
      'x-MiXed',
      'P-Asserted-Identity',
    ]);
  });

  it('the body is all that follows the empty line, whatever Content-Length says (the client counts characters)', () => {
    const { body, headers } = parse('MESSAGE sip:a SIP/2.0\r\nContent-Length: 6\r\n\r\nпривет');
    expect(body.toString()).toBe('привет');
    expect(headers.has('Content-Length')).toBe(false);
  });

  it('lines that are no header are left out, folded ones joined; no header can be smuggled in', () => {
    const { headers } = parse(
      'INVITE sip:a SIP/2.0\r\nno header\r\nB@d: 1\r\nSubject: a\r\n b\r\nX-A: 1\nX-B: 2\r\n\r\n',
    );
    expect([...headers.entries()]).toEqual([
      ['Subject', 'a b'],
      ['X-A', '1 X-B: 2'],
    ]);
  });

  it.each(['', 'INVITE', 'INVITE  SIP/2.0', 'SIP/2.0 999 x', 'SIP/1.0 200 OK', 'IN VITE sip:a SIP/2.0'])(
    'is not %j',
    (text) => {
      expect(() => parse(`${text}\r\n\r\n`)).toThrow(AppMessageError);
    },
  );
});
