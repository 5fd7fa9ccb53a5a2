import { describe, expect, it } from 'vitest';
import type { Identity } from '../../../src/sip/identity.ts';
import { settle } from '../../support/fake-clock.ts';
import { pbxOf } from '../../support/pbx.ts';
import { Switchboard } from '../../support/switchboard.ts';

/** Calls between two PBXs of one installation (§5.3.2, §5.6 example 8), as each of them sees them. */

const did = '72527955146';
const client = '72527954984';
const operator: Identity = { kind: 'trunk', pbx: 'head', trunk: 'operator' };
const account = (pbx: string, employee: string): Identity => ({
  kind: 'account',
  pbx,
  employee,
  account: `${employee}@${pbx}.example`,
});

const person = (id: string, extension: string, at: string, more: Record<string, unknown> = {}) => ({
  id,
  name: id,
  extension,
  accounts: [{ user: id, domain: `${at}.example`, password: 'Secret123' }],
  ...more,
});

// biome-ignore lint/suspicious/noThenProperty: the format names it so
const takesNoMessages = { then: { hangup: true } };

/** @param scheme of the number in the branch */
function installation({
  lines = 0,
  scheme = { forward: { employee: 'boris' } } as Record<string, unknown>,
}: {
  readonly lines?: number;
  readonly scheme?: Record<string, unknown>;
} = {}): Switchboard {
  const head = pbxOf({
    pbx: { id: 'head', domains: ['head.example'] },
    employees: [person('anna', '401', 'head', { outgoing: { callerId: did } })],
    numbers: [{ number: did, scheme: 'onward', source: { trunk: 'operator' } }],
    schemes: [{ id: 'onward', steps: [{ forward: { trunk: 'branch', number: did } }] }],
    trunks: [
      { id: 'operator', host: '192.0.2.20', pstn: true, lines: 0 },
      {
        id: 'branch',
        kind: 'internal',
        peer: { pbx: 'branch', trunk: 'head' },
        lines: 0,
        masks: [{ match: '8(5\\d\\d)', to: '$1' }],
        toPstn: {},
      },
    ],
  });
  const branch = pbxOf({
    pbx: { id: 'branch', domains: ['branch.example'] },
    defaults: { employee: takesNoMessages },
    employees: [person('boris', '501', 'branch', { outgoing: { callerId: did } })],
    numbers: [{ number: did, scheme: 'reception' }],
    schemes: [{ id: 'reception', steps: [scheme] }],
    trunks: [
      { id: 'head', kind: 'internal', peer: { pbx: 'head', trunk: 'branch' }, lines, numbers: [{ number: did }] },
    ],
  });
  return new Switchboard(head, { others: [branch] });
}

/** Nothing is left of any call, not a line either. */
function isOver(board: Switchboard): void {
  expect(board.quiet).toBe(true);
  expect(['operator', 'branch', 'head'].map((trunk) => board.trunks.taken(trunk))).toEqual([0, 0, 0]);
}

describe('a call to another PBX', () => {
  it('by a mask rings its extension, with our number; each PBX has it in its history', async () => {
    const board = installation();
    const anna = await board.call(account('head', 'anna'), 'anna', '8501');
    const toBoris = board.sip.to('boris@');
    expect(board.sip.sent.length).toBe(1);
    expect(toBoris.request.from.user).toBe(did);
    toBoris.rings();
    await settle();
    expect(anna.responses).toContain('180');
    const boris = toBoris.answers();
    await settle();
    expect(anna.responses.at(-1)).toBe('200');
    expect([board.trunks.taken('branch'), board.trunks.taken('head')]).toEqual([1, 1]);
    boris.hangUp();
    await settle();
    expect(anna.dialog.ended?.by).toBe('local');
    const [one, two] = board.records.toSorted((a, b) => a.pbx.localeCompare(b.pbx));
    expect(one).toMatchObject({ pbx: 'branch', direction: 'in', from: did, to: '501', outcome: 'answered' });
    expect(two).toMatchObject({ pbx: 'head', direction: 'out', employee: 'anna', to: '8501', outcome: 'answered' });
    isOver(board);
  });

  it("example 8: the number is the one PBX's, its scheme in the other one is followed, and the client is seen there", async () => {
    const board = installation();
    const caller = await board.call(operator, client, did);
    const toBoris = board.sip.to('boris@');
    expect(toBoris.request.from.user).toBe(client);
    toBoris.answers();
    await settle();
    expect(caller.responses.at(-1)).toBe('200');
    caller.dialog.hangUp();
    await settle();
    expect(toBoris.dialog.ended?.by).toBe('local');
    expect(board.records).toHaveLength(2);
    for (const record of board.records) {
      expect(record).toMatchObject({ direction: 'in', from: client, line: did, outcome: 'answered' });
    }
    isOver(board);
  });

  it('ends there when the caller leaves while it rings', async () => {
    const board = installation();
    const caller = await board.call(operator, client, did);
    caller.cancel();
    await settle();
    expect(board.sip.to('boris@').cancelled).toBeDefined();
    expect(board.records.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['missed', 'callerHungUp'],
      ['missed', 'callerHungUp'],
    ]);
    isOver(board);
  });

  it('that is refused there is refused here, for the same reason', async () => {
    const board = installation();
    const anna = await board.call(account('head', 'anna'), 'anna', '8599');
    expect(anna.responses).toEqual(['404']);
    expect(board.records.map(({ reason }) => reason)).toEqual(['doesNotExist', 'doesNotExist']);
    isOver(board);
  });

  it('hears what the other PBX says of one who does not take it', async () => {
    const board = installation();
    const caller = await board.call(operator, client, did);
    board.sip.to('boris@').refuses(486);
    await settle();
    expect(caller.responses.at(-1)).toBe('200');
    const announced = board.media.alive.find(({ playing }) => playing !== undefined);
    expect(announced?.playing?.sources).toEqual([{ file: 'builtin:not-answering' }]);
    // What is played to the branch's end of the trunk goes on to the caller.
    expect(announced?.options).toMatchObject({ internal: true });
    for (let i = 0; i < 5 && announced?.playing; i++) {
      announced.playing.end('finished');
      await settle();
    }
    expect(caller.dialog.ended?.by).toBe('local');
    expect(board.records.map(({ pbx, reason }) => `${pbx} ${reason}`).toSorted()).toEqual([
      'branch busy',
      'head calleeHungUp',
    ]);
    isOver(board);
  });

  it('of a hidden caller stays one', async () => {
    const board = installation();
    const caller = await board.call(operator, 'anonymous', did, { anonymous: true });
    expect(board.sip.to('boris@').request.from.user).toBe('anonymous');
    expect(board.inbound.live.of('branch').map(({ timeline }) => timeline.facts.from)).toEqual(['']);
    caller.cancel();
    await settle();
    isOver(board);
  });

  it('needs a line of either end', async () => {
    const board = installation({ lines: 1 });
    const first = await board.call(operator, client, did);
    const second = await board.call(operator, '79160000000', did);
    // The branch says that its lines are busy, which the head passes on while it can be heard.
    for (const { playing } of board.media.alive) playing?.end('finished');
    await settle();
    expect(second.responses.at(-1)).toBe('486');
    expect(board.sip.sent.length).toBe(1);
    first.cancel();
    await settle();
    isOver(board);
  });
});

describe('a call of the other PBX through ours', () => {
  it('to the telephone network goes out with our number, which it may show (§5.3.2.3)', async () => {
    const board = installation();
    const boris = await board.call(account('branch', 'boris'), 'boris', '79031112233');
    const out = board.sip.to('79031112233@192.0.2.20');
    expect(out.request.from.user).toBe(did);
    out.answers();
    await settle();
    expect(boris.responses.at(-1)).toBe('200');
    boris.dialog.hangUp();
    await settle();
    expect(board.records.map(({ pbx, direction }) => `${pbx} ${direction}`).toSorted()).toEqual([
      'branch out',
      'head out',
    ]);
    isOver(board);
  });

  it('that each passes on to the other ends, and leaves nothing', async () => {
    const board = installation({ scheme: { forward: { trunk: 'head', number: did } } });
    const caller = await board.call(operator, client, did);
    for (let i = 0; i < 100 && board.inbound.live.size > 0; i++) await settle();
    expect(caller.responses.at(-1)).toBe('483');
    expect(board.records.length).toBe(71);
    isOver(board);
  });
});
