import { describe, expect, it } from 'vitest';
import { reasons } from '../../../src/sip/port.ts';
import { settle } from '../../support/fake-clock.ts';
import { FakeIncomingInvite, type FakeOutgoingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { passive, Switchboard } from '../../support/switchboard.ts';

/**
 * A caller may leave at any moment. Whatever had been begun for him is over then: nothing plays, rings or is busy, no timer runs, and there
 * is one record, which says so.
 */

const line = '74950000001';

const pbx = ({ scheme, number = {}, anna = {}, announces = false }: Omit<Story, 'name' | 'steps'>) =>
  pbxOf({
    pbx: { id: 'acme', domains: ['acme.example'], announceCallerNumber: announces },
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' }, ...number }],
    schemes: [{ id: 'main', ...scheme }],
    employees: [employee('anna', '401', anna), employee('boris', '402')],
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
  /** More of the line that he calls, and of anna. */
  readonly number?: Record<string, unknown>;
  readonly anna?: Record<string, unknown>;
  /** Employees are told who calls. */
  readonly announces?: boolean;
  readonly steps: readonly (readonly [what: string, step: Step])[];
}

const rings = (who: string) => [`${who} rings`, (board: Switchboard) => board.sip.to(who).rings()] as const;
const answers = (who: string) => [`${who} answers`, (board: Switchboard) => board.sip.to(who).answers()] as const;
const employeeHas = (what: string) =>
  [
    `the employee has heard ${what}`,
    (board: Switchboard) => board.media.endpoints.at(-1)?.playing?.end('finished'),
  ] as const;
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
  {
    name: 'his number for the employee, then a warning for both, while he hears music',
    scheme: { steps: [{ forward: { employee: 'anna' }, music: 'music' }] },
    number: { warning: { audio: 'welcome', to: 'both' } },
    announces: true,
    steps: [
      rings('anna'),
      answers('anna'),
      employeeHas('his number'),
      employeeHas('the warning'),
      ['he has heard it too', (board) => board.callerEndpoint.playing?.end('finished')],
      wait(5000),
    ],
  },
  {
    name: 'the message of an assistant, then its target',
    scheme: { steps: [{ forward: { employee: 'anna' } }] },
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    anna: { assistant: [{ after: 5, message: 'welcome', then: { employee: 'boris' } }] },
    steps: [
      rings('anna'),
      wait(5000),
      ['the message ends', (board) => board.callerEndpoint.playing?.end('finished')],
      rings('boris'),
      answers('boris'),
      wait(5000),
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

describe.each(stories)('$name', ({ steps, ...story }) => {
  const moments = ['the INVITE arrives', ...steps.map(([what]) => what)].map((what, done) => ({ what, done }));

  it.each(moments)(
    'he leaves after this: $what',
    async ({ done }) => {
      for (let after = 0; after <= TURNS; after++) {
        const board = new Switchboard(pbx(story));
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
    },
    30_000,
  );
});

/** The scheme's signal is the only one that a forward has: it is aborted by the caller's end itself, and by no promise later. */
describe('whoever is rung when he leaves gets his CANCEL before anything else happens', () => {
  it.each<readonly [string, Omit<Story, 'name' | 'steps'>, readonly string[]]>([
    ['an employee', { scheme: { steps: [{ forward: { employee: 'anna' } }] } }, ['anna']],
    ['a group', { scheme: { steps: [{ forward: { group: 'sales' } }] } }, ['anna', 'boris']],
    ['an address elsewhere', { scheme: { steps: [{ forward: { sip: 'x@partner.example' } }] } }, ['x']],
    [
      'the target of an assistant',
      {
        scheme: { steps: [{ forward: { employee: 'anna' } }] },
        // biome-ignore lint/suspicious/noThenProperty: the format names it so
        anna: { assistant: [{ after: 5, then: { employee: 'boris' } }] },
      },
      ['boris'],
    ],
  ])('%s', async (_, story, rung) => {
    const board = new Switchboard(pbx(story));
    const caller = await board.call(passive(line), '79031112233', line);
    if (!rung.includes('anna') && story.anna) {
      board.clock.advance(5000);
      await settle();
    }
    for (const who of rung) board.sip.to(who).rings();
    await settle();
    leave(caller);
    expect(rung.map((who) => board.sip.to(who).cancelled)).toEqual(rung.map(() => reasons.callerGone));
    await settle();
    expect(board.quiet).toBe(true);
  });
});

const isOver = ({ cancelled, refused, dialog }: FakeOutgoingInvite): boolean =>
  cancelled !== undefined || refused || dialog.ended !== undefined;
