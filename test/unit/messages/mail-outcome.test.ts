import { describe, expect, it } from 'vitest';
import { fileName, headerText, isAddress, messageId, wireAddress } from '../../../src/messages/mail/compose.ts';
import { isTooLarge, ofError, ofResult, type SmtpError } from '../../../src/messages/mail/outcome.ts';

const to = ['anna@acme.example', 'boris@acme.example'];
const smtp = (more: Partial<SmtpError>): SmtpError => Object.assign(new Error('failed'), more);
const refusal = (recipient: string, responseCode: number): SmtpError =>
  smtp({ command: 'RCPT TO', recipient, responseCode, response: `${responseCode} no` });

describe('what a mail server says', () => {
  it('is about the recipients whom it names; the others have the letter', () => {
    const verdicts = ofResult(to, { rejectedErrors: [refusal('boris@acme.example', 550)] });
    expect(Object.fromEntries([...verdicts].map(([one, { state }]) => [one, state]))).toEqual({
      'anna@acme.example': 'sent',
      'boris@acme.example': 'refused',
    });
  });

  it.each([
    [450, 'later'],
    [452, 'later'],
    [550, 'refused'],
    [553, 'refused'],
  ])('%d to each recipient: %s', (code, state) => {
    const rejectedErrors = to.map((one) => refusal(one, code));
    const delivery = ofError(to, smtp({ command: 'RCPT TO', responseCode: code, rejectedErrors }));
    expect(delivery.kind === 'tried' && [...delivery.verdicts.values()].map((one) => one.state)).toEqual([
      state,
      state,
    ]);
  });

  it.each([
    [451, 'later'],
    [554, 'refused'],
  ])('%d to the message: %s, for all', (code, state) => {
    const delivery = ofError(to, smtp({ command: 'DATA', responseCode: code, response: `${code} no` }));
    expect(delivery.kind === 'tried' && [...delivery.verdicts.values()].map((one) => one.state)).toEqual([
      state,
      state,
    ]);
  });

  it.each([
    { what: 'no connection', error: { code: 'ESOCKET', command: 'CONN' } },
    { what: 'no such host', error: { code: 'EDNS', command: 'CONN' } },
    { what: 'a timeout', error: { code: 'ETIMEDOUT', command: 'CONN' } },
    { what: 'a connection lost in the middle of the message', error: { code: 'ECONNECTION', command: 'CONN' } },
    { what: 'a wrong password', error: { code: 'EAUTH', command: 'AUTH PLAIN', responseCode: 535 } },
    { what: 'a sender who is not wanted', error: { code: 'EENVELOPE', command: 'MAIL FROM', responseCode: 550 } },
    { what: 'a server that closes', error: { code: 'EMESSAGE', command: 'DATA', responseCode: 421 } },
    {
      what: 'a server that closes at a recipient',
      error: { command: 'RCPT TO', responseCode: 421, rejectedErrors: [] },
    },
  ])('$what says nothing of the letter', ({ error }) => {
    expect(ofError(to, smtp(error)).kind).toBe('away');
  });

  it('is shown on one line, not endless', () => {
    const delivery = ofError(to, smtp({ code: 'EAUTH', command: 'AUTH', response: `535 no\r\n${'x'.repeat(5000)}` }));
    if (delivery.kind !== 'away') throw new Error('not away');
    expect(delivery.why).not.toMatch(/[\r\n]/);
    expect(delivery.why.length).toBeLessThan(400);
  });

  it.each([
    [{ command: 'DATA', responseCode: 552, response: '552 too much mail data' }, true],
    [{ command: 'DATA', responseCode: 554, response: '554 5.3.4 message too big' }, true],
    [{ command: 'DATA', responseCode: 554, response: '554 5.7.1 spam' }, false],
    [{ command: 'RCPT TO', responseCode: 552, response: '552 mailbox full' }, false],
  ])('%j: too large is %s', (error, tooLarge) => {
    expect(isTooLarge(smtp(error))).toBe(tooLarge);
  });
});

describe('what stands in a letter', () => {
  it('is one line without control characters, and not endless', () => {
    expect(headerText('a\r\nBcc: x\u0000\u2028\u202eb')).toBe('a Bcc: x b');
    expect([...headerText('😀'.repeat(400))]).toHaveLength(250);
  });

  it('has names of files that every system can store', () => {
    expect(fileName('../../etc/passwd')).toBe('.._.._etc_passwd');
    expect(fileName('a\r\n:"b".wav')).toBe('a __b_.wav');
    expect(fileName('\r\n')).toBe('file');
  });

  it.each(['anna@acme.example', 'борис@пример.рф', "o'neil+x@acme.example"])('takes %s for an address', (address) => {
    expect(isAddress(address)).toBe(true);
  });

  it.each([
    '',
    'anna',
    '@acme.example',
    'a b@c',
    'a@b\r\nRCPT TO:<x@y>',
    'a@b>',
    '<a@b',
    'a@b,c@d',
    `${'a'.repeat(250)}@b.c`,
  ])('does not take %j for an address', (address) => {
    expect(isAddress(address)).toBe(false);
  });

  it('has domains as the wire has them', () => {
    expect(wireAddress('Борис@Пример.рф')).toBe('Борис@xn--e1afmkfd.xn--p1ai');
    expect(wireAddress('a@[192.0.2.1]')).toBe('a@[192.0.2.1]');
  });

  it('has a Message-ID that is the letter’s own, whatever its id', () => {
    expect(messageId('acme', 'a', 'x@acme.example')).toMatch(/^<[0-9a-f]{40}@acme\.example>$/);
    const all = ['a', 'b>\r\nX: y'].flatMap((id) => ['acme', 'other'].map((pbx) => messageId(pbx, id, 'x@y.z')));
    expect(new Set(all).size).toBe(4);
    expect(all.join('')).not.toMatch(/\s/);
  });
});
