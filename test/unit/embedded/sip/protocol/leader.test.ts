import { describe, expect, it } from 'vitest';
import {
  type Described,
  proxyProgress,
  requestEcho,
  responseEcho,
  sipLeader,
  timeOfDay,
} from '../../../../../src/embedded/sip/protocol/leader.ts';
import { refusalText } from '../../../../../src/embedded/sip/protocol/refusal-text.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

const clock = new FakeClock('2026-11-02T06:54:56.799Z');
const peer = { protocol: 'udp', address: '127.29.0.1', port: 5060 } as const;
const message: Described = { source: 'network', bytes: 521, peer, transactionId: 'txn', dialogId: 'call;from-tag=x' };

/** How drachtio-srf 5 takes them apart: the positions are its. */
describe('leader lines', () => {
  it('of a request that begins something say where it arrived', () => {
    const leader = sipLeader({ ...message, dialogId: '' }, clock, { address: '127.29.0.10', port: 5060 });
    expect(leader).toBe('sip|network|521|udp|127.29.0.1|5060|06:54:56.799000|txn||127.29.0.10|5060|');
  });

  it('of what is in a dialog say in which', () => {
    expect(sipLeader(message, clock)).toBe('sip|network|521|udp|127.29.0.1|5060|06:54:56.799000|txn|call;from-tag=x|');
  });

  it('of a message that was on no wire', () => {
    const made = { ...message, peer: undefined, bytes: 0, dialogId: '' };
    expect(sipLeader(made, clock)).toBe('sip|network|0|unknown||0|06:54:56.799000|txn||');
  });

  it('of echoes: the dialog id stands only in that of a response', () => {
    const echo = { ...message, source: 'application' } as const;
    const start = 'OK|application|521|udp|127.29.0.1|5060|06:54:56.799000|txn|';
    expect(requestEcho(echo, clock)).toBe(`${start}Msg sent:|`);
    expect(responseEcho(echo, clock)).toBe(`${start}call;from-tag=x||Msg sent:|`);
  });

  it('of a proxy’s progress end in `continue`, at the place where the client looks for it', () => {
    const leader = `id|response|msg|${proxyProgress(message, clock)}`;
    expect(leader.split('|')[12]).toBe('continue');
  });

  it('call WebSocket connections tcp', () => {
    expect(sipLeader({ ...message, peer: { ...peer, protocol: 'wss' } }, clock)).toContain('|tcp|127.29.0.1|');
  });

  it('say the time of day in UTC with microseconds', () => expect(timeOfDay(clock)).toBe('06:54:56.799000'));
});

describe('refusals', () => {
  it('have the words by which clients recognise them', () => {
    expect(refusalText({ code: 'unknown-dialog', detail: 'x' })).toMatch(/unable to find dialog/i);
    expect(refusalText({ code: 'unknown-transaction', detail: 'x' })).toBe(
      'Response not sent due to unknown transaction',
    );
    expect(refusalText({ code: 'nothing-to-cancel', detail: 'x' })).toBe('unable to cancel unknown transaction id: x');
  });

  it('cannot break the leader line', () => {
    expect(refusalText({ code: 'invalid-request-uri', detail: 'sip:a|b\r\nc' })).toBe(
      'invalid request-uri: sip:a?b??c',
    );
  });
});
