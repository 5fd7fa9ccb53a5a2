import { describe, expect, it } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { FakeIncomingInvite, type FakeOutgoingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { passive, Switchboard } from '../../support/switchboard.ts';

/**
 * A caller may leave at any moment. Whatever had been begun for him is over then: nothing plays, rings or is busy, no timer runs, and there
 * is one record, which says so.
 */

const line = '74950000001';

const pbx = (scheme: Record<string, unknown>) =>
  pbxOf({
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [{ id: 'main', ...scheme }],
    employees: [employee('anna', '401'), employee('boris', '402')],
    groups: [
      { id: 'sales', extension: '450', algorithm: 'all', members: [{ employee: 'anna' }, { employee: 'boris' }] },
    ],
    audio: ['welcome', 'music'].map((id) => ({ id, file: `${id}.wav` })),
  });

type Step = (board: Switchboard) => unknown;

/** One call, as what the world does one after the other. */
interface Story {
  readonly name: string;
  readonly scheme: Record<string, unknown>;
  readonly steps: readonly (readonly [what: string, step: Step])[];
}

const rings = (who: string) => [`${who} rings`, (board: Switchboard) => board.sip.to(who).rings()] as const;
const answers = (who: string) => [`${who} answers`, (board: Switchboard) => board.sip.to(who).answers()] as const;
const wait = (ms: number) => [`${ms} ms pass`, (board: Switchboard) => board.clock.advance(ms)] as const;

const stories: readonly Story[] = [
  {
    name: 'a menu, a group, a conversation, music on hold',
    scheme: {
      steps: [{ play: 'welcome', wait: true }],
      menu: { '1': { steps: [{ forward: { group: 'sales' } }] } },
    },
    steps: [
      ['the greeting ends', (board) => board.callerEndpoint.playing?.end('finished')],
      ['he presses 1', (board) => board.callerEndpoint.press('1')],
      rings('anna'),
      rings('boris'),
      answers('boris'),
      ['boris holds', (board) => board.sip.to('boris').dialog.reinvite('sendonly')],
      ['boris resumes', (board) => board.sip.to('boris').dialog.reinvite('sendrecv')],
      wait(5000),
    ],
  },
  {
    name: 'ring music as early media, no answer, the next employee',
    scheme: {
      steps: [
        { forward: { employee: 'anna' }, timeout: 5, music: 'music' },
        { forward: { employee: 'boris' } },
        { play: 'welcome', wait: true },
      ],
    },
    steps: [
      rings('anna'),
      wait(4000),
      wait(1000),
      rings('boris'),
      ['boris is busy', (board) => board.sip.to('boris').refuses(486)],
    ],
  },
  {
    name: 'audio that goes on while it rings, then the announcement of the default action',
    scheme: { steps: [{ play: 'welcome' }, { forward: { employee: 'anna' } }] },
    steps: [
      ['the audio ends', (board) => board.callerEndpoint.playing?.end('finished')],
      ['anna declines', (board) => board.sip.to('anna').refuses(603)],
    ],
  },
];

/** By CANCEL, or by BYE once there has been a 200. */
function leave(caller: FakeIncomingInvite): void {
  caller.cancel();
  if (!caller.cancelled) caller.dialog.hangUp();
}

/** How many promise callbacks one step takes to be done with, at most: a caller may leave after any of them. */
const TURNS = 40;

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

describe.each(stories)('$name', ({ scheme, steps }) => {
  const moments = ['the INVITE arrives', ...steps.map(([what]) => what)].map((what, done) => ({ what, done }));

  it.each(moments)('he leaves after this: $what', async ({ done }) => {
    for (let after = 0; after <= TURNS; after++) {
      const board = new Switchboard(pbx(scheme));
      const caller = new FakeIncomingInvite({ identity: passive(line), from: '79031112233', to: line });
      board.inbound.accept(caller);
      for (const [, step] of steps.slice(0, done)) {
        await settle();
        step(board);
      }
      await turns(after);
      leave(caller);
      await settle();
      expect({ after, quiet: board.quiet }).toEqual({ after, quiet: true });
      expect(board.records).toMatchObject([{ reason: 'callerHungUp', endedBy: 'caller' }]);
      expect(board.sip.sent.filter((invite) => !isOver(invite))).toEqual([]);
    }
  });
});

const isOver = ({ cancelled, refused, dialog }: FakeOutgoingInvite): boolean =>
  cancelled !== undefined || refused || dialog.ended !== undefined;
