import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Notified, Subscription } from '../../../src/sip/subscription.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const subscriber = { kind: 'account', pbx: 'acme', employee: 'anna', account: 'anna@acme.example' } as const;
const taken: Notified = { outcome: 'taken' };

let clock: FakeClock;
/** What the phone was sent: `<Subscription-State> <body>`. */
let sent: string[];
/** What it says to the next ones; then it takes all. */
let answers: (Notified | Promise<Notified>)[];
let state: string | undefined | Error;
let over: number;
let subscription: Subscription;

beforeEach(() => {
  clock = new FakeClock('2026-11-02T12:00:00');
  [sent, answers, state, over] = [[], [], 'one', 0];
  subscription = new Subscription({
    subscriber,
    package: {
      name: 'message-summary',
      contentType: 'text/plain',
      defaultExpires: 3600,
      refusal: () => undefined,
      async state() {
        if (state instanceof Error) throw state;
        return state;
      },
    },
    event: 'message-summary;id=7',
    connection: undefined,
    async send(headers, body) {
      expect(headers.Event).toBe('message-summary;id=7');
      expect(headers['Content-Type']).toBe(body === undefined ? undefined : 'text/plain');
      sent.push(`${headers['Subscription-State']} ${body ?? '-'}`);
      return answers.shift() ?? taken;
    },
    clock,
    log: pino({ level: 'silent' }),
    onOver: () => over++,
  });
});

async function advance(ms: number) {
  await clock.advance(ms);
  await settle();
}

describe('a subscription', () => {
  it('tells the state at once, at each refresh, and when it is another one', async () => {
    subscription.renew(600);
    await settle();
    subscription.changed();
    await settle();
    state = 'two';
    await advance(60_000);
    subscription.changed();
    await settle();
    subscription.renew(600);
    await settle();
    expect(sent).toEqual(['active;expires=600 one', 'active;expires=540 two', 'active;expires=600 two']);
  });

  it('ends when nobody renews it, and when the phone says so, which is told the state once more', async () => {
    subscription.renew(60);
    await settle();
    await advance(59_000);
    expect(sent).toHaveLength(1);
    await advance(1000);
    expect(sent).toEqual(['active;expires=60 one', 'terminated;reason=timeout -']);
    expect(over).toBe(1);
    subscription.changed();
    subscription.renew(60);
    await settle();
    expect(sent).toHaveLength(2);
  });

  it('of no time is answered, and over', async () => {
    subscription.renew(0);
    await settle();
    expect([sent, over]).toEqual([['terminated;reason=timeout one'], 1]);
  });

  it('sends one NOTIFY at a time, and of what changes meanwhile the last alone', async () => {
    const first = Promise.withResolvers<Notified>();
    answers = [first.promise];
    subscription.renew(600);
    await settle();
    for (state of ['two', 'three', 'four']) {
      subscription.changed();
      await settle();
    }
    expect(sent).toHaveLength(1);
    first.resolve(taken);
    await settle();
    expect(sent).toEqual(['active;expires=600 one', 'active;expires=600 four']);
  });

  it('that is ended while a NOTIFY is under way says so after it', async () => {
    const first = Promise.withResolvers<Notified>();
    answers = [first.promise];
    subscription.renew(600);
    await settle();
    subscription.end({ reason: 'probation', retryAfter: 9 });
    await settle();
    expect(sent).toHaveLength(1);
    first.resolve(taken);
    await settle();
    expect(sent[1]).toBe('terminated;reason=probation;retry-after=9 -');
    expect(over).toBe(1);
  });

  it('keeps the phone waiting while nobody knows the state, and tells it then', async () => {
    state = new Error('away');
    subscription.renew(600);
    await settle();
    expect(sent).toEqual(['active;expires=600 -']);
    await advance(5000);
    expect(sent).toHaveLength(1);
    state = 'one';
    await advance(5000);
    expect(sent).toEqual(['active;expires=600 -', 'active;expires=590 one']);
  });

  it('is over when there is nothing to be told any more', async () => {
    subscription.renew(600);
    await settle();
    state = undefined;
    subscription.changed();
    await settle();
    expect(sent[1]).toBe('terminated;reason=noresource -');
    expect(over).toBe(1);
  });

  it('asks a phone again that names a time', async () => {
    answers = [{ outcome: 'later', seconds: 20 }];
    subscription.renew(600);
    await settle();
    await advance(19_000);
    expect(sent).toHaveLength(1);
    await advance(1000);
    expect(sent).toEqual(['active;expires=600 one', 'active;expires=580 one']);
  });

  it('does not keep a phone waiting that renews meanwhile', async () => {
    answers = [{ outcome: 'later', seconds: 20 }];
    subscription.renew(600);
    await settle();
    await advance(1000);
    subscription.renew(600);
    await settle();
    expect(sent).toHaveLength(2);
  });

  it('is over with a phone that does not know it', async () => {
    answers = [{ outcome: 'gone', why: '481 Call/Transaction Does Not Exist' }];
    subscription.renew(600);
    await settle();
    subscription.changed();
    await advance(600_000);
    // The second is for a SIP server that keeps the dialog all the same.
    expect(sent).toEqual(['active;expires=600 one', 'terminated;reason=timeout -']);
    expect(over).toBe(1);
  });

  it('that is lost says nothing any more', async () => {
    subscription.renew(600);
    await settle();
    subscription.lose();
    state = 'two';
    subscription.changed();
    await advance(600_000);
    expect([sent.length, over]).toEqual([1, 1]);
  });
});
