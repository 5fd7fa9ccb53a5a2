import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageFiles } from '../../../src/messages/files.ts';
import type { RecordingFacts } from '../../../src/messages/recording/recorded.ts';
import { type RecordingChange, TalkRecorder } from '../../../src/messages/recording/talk.ts';
import { systemRandom } from '../../../src/time/random.ts';
import { settle } from '../../support/fake-clock.ts';
import type { FakeEndpoint } from '../../support/fake-media.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';
import { temporaryFolder } from '../../support/temp.ts';

const line = '74950000001';
const pbx = (recording: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  pbxOf({
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    defaults: { employee: { unavailableMessage: null, then: { hangup: true } } },
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [{ id: 'main', steps: [{ play: 'builtin:greeting', wait: true }, { forward: { employee: 'anna' } }] }],
    employees: [employee('anna', '401'), employee('boris', '402')],
    recording,
    ...more,
  });

/** The call layer with the recorder of conversations, and nothing behind that but a list. */
class Studio {
  readonly board: Switchboard;
  readonly kept: { readonly facts: RecordingFacts; readonly error: string | null }[] = [];
  readonly dropped: string[] = [];
  readonly told: RecordingChange[] = [];

  constructor(version: ReturnType<typeof pbx>, varDir: string) {
    this.board = new Switchboard(version, {
      recorder: {
        begin: (talk) =>
          new TalkRecorder(talk, {
            files: new MessageFiles(varDir, 'recordings'),
            keeper: {
              begins: async () => undefined,
              keep: (facts, error) => void this.kept.push({ facts, error }),
              drop: async ({ id }) => void this.dropped.push(id),
            },
            clock: this.board.clock,
            random: systemRandom,
            log: pino({ level: 'silent' }),
            tell: (change) => void this.told.push(change),
          }),
      },
    });
  }

  /** Who talks: the phone that was rung. */
  get callee(): FakeEndpoint {
    const found = this.board.media.alive.find(({ options }) => options.remoteSdp !== 'their offer');
    if (!found) throw new Error('nobody was rung');
    return found;
  }

  /** Of all recordings that run, by whom they are made. */
  get running(): string[] {
    return this.board.media.alive.flatMap((endpoint) =>
      endpoint.recordings.map(() => (endpoint === this.callee ? 'callee' : 'caller')),
    );
  }
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder('recordings');
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Boris calls anna, and she answers. */
async function internalTalk(recording: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const studio = new Studio(pbx(recording, more), folder.path);
  const { board } = studio;
  const caller = await board.call(accountOf('boris'), 'boris', '401');
  const anna = board.sip.to('anna').answers();
  await settle();
  return { studio, board, caller, anna };
}

describe('a conversation', () => {
  it('is recorded from the moment in which the two talk, and not before', async () => {
    const studio = new Studio(pbx({ mode: 'all' }), folder.path);
    const { board } = studio;
    await board.call(passive(line), '79031112233', line);
    expect(board.callerEndpoint.recordings).toHaveLength(0);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    board.sip.to('anna').rings();
    await settle();
    expect(board.media.alive.every(({ recordings }) => recordings.length === 0)).toBe(true);
    const anna = board.sip.to('anna').answers();
    await settle();
    expect(studio.running).toEqual(['callee']);
    expect(studio.callee.recordings[0]?.options.sides).toBe('both');
    anna.hangUp();
    await settle();
    expect(studio.kept).toMatchObject([
      {
        error: null,
        facts: { direction: 'in', from: '79031112233', line, employee: 'anna', other: '79031112233', manual: false },
      },
    ]);
    expect(board.records[0]?.recordings).toEqual([studio.kept[0]?.facts.id]);
    expect(board.quiet).toBe(true);
  });

  it('between two employees is recorded at both ends', async () => {
    const { studio, board, anna } = await internalTalk({ mode: 'all' });
    expect(studio.running.toSorted()).toEqual(['callee', 'caller']);
    anna.hangUp();
    await settle();
    expect(studio.kept.map(({ facts: { employee: whose, other } }) => [whose, other]).toSorted()).toEqual([
      ['anna', 'boris'],
      ['boris', 'anna'],
    ]);
    expect(board.records[0]?.recordings.toSorted()).toEqual(studio.kept.map(({ facts }) => facts.id).toSorted());
  });

  it('that was too short leaves nothing', async () => {
    const { studio, board, anna } = await internalTalk({ mode: 'rules', rules: [{ employee: 'anna' }] });
    const [recording] = studio.callee.recordings;
    if (!recording) throw new Error('not recorded');
    recording.ms = 3999;
    anna.hangUp();
    await settle();
    expect([studio.kept.length, studio.dropped.length]).toEqual([0, 1]);
    expect(board.records[0]?.recordings).toEqual([]);
  });

  it('goes on when its recording breaks off, which is told and kept', async () => {
    const { studio, board, anna } = await internalTalk({ mode: 'rules', rules: [{ employee: 'anna' }] });
    studio.callee.recordings[0]?.end({ reason: 'failed', ms: 2000, error: 'The disk is full' });
    await settle();
    expect(studio.told.at(-1)).toMatchObject({ what: 'failed', error: 'The disk is full' });
    expect(board.callerEndpoint.bridgedTo).toBe(studio.callee);
    expect(studio.kept).toMatchObject([{ error: 'The disk is full' }]);
    anna.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ outcome: 'answered', recordings: [studio.kept[0]?.facts.id] }]);
  });
});

describe('#5', () => {
  it('begins and ends a recording, at the end of whoever pressed it, and says so to him alone', async () => {
    const { studio, board, anna } = await internalTalk({ mode: 'off' });
    expect(studio.running).toEqual([]);
    studio.callee.press('#');
    studio.callee.press('5');
    expect(studio.running).toEqual(['callee']);
    expect(studio.callee.playing?.sources).toEqual([{ file: 'builtin:recording-started' }]);
    expect(board.callerEndpoint.playing).toBeUndefined();
    studio.callee.press('#');
    studio.callee.press('5');
    await settle();
    expect(studio.running).toEqual([]);
    expect(studio.callee.playing?.sources).toEqual([{ file: 'builtin:recording-stopped' }]);
    expect(studio.kept).toMatchObject([{ facts: { employee: 'anna', manual: true } }]);
    expect(board.callerEndpoint.sentDigits).toBe('');
    anna.hangUp();
    await settle();
    expect(board.records[0]?.recordings).toEqual([studio.kept[0]?.facts.id]);
    expect(board.quiet).toBe(true);
  });

  it('passes other keys on, and is left alone where it is no command', async () => {
    const { studio, board, anna } = await internalTalk({ mode: 'off' });
    for (const key of '12#6') studio.callee.press(key);
    expect(board.callerEndpoint.sentDigits).toBe('12#6');
    anna.hangUp();
    await settle();

    for (const [recording, more, sent] of [
      // `##` and `#*` are commands still, and this is none.
      [{ manual: false }, { fax: { inCall: false } }, '#5'],
      // The bridge carries them.
      [{}, { security: { ignoreDtmf: true } }, ''],
    ] as const) {
      const other = await internalTalk(recording, more);
      for (const key of '#5') other.studio.callee.press(key);
      expect([other.studio.running, other.board.callerEndpoint.sentDigits]).toEqual([[], sent]);
      other.anna.hangUp();
      await settle();
    }
  });

  it('is no command of a client', async () => {
    const studio = new Studio(pbx({ mode: 'off' }), folder.path);
    const { board } = studio;
    await board.call(passive(line), '79031112233', line);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    board.sip.to('anna').answers();
    await settle();
    for (const key of '#5') board.callerEndpoint.press(key);
    expect(studio.running).toEqual([]);
  });
});

describe('by command', () => {
  it('a conversation is recorded, and not any more; nothing else is', async () => {
    const { studio, board, anna } = await internalTalk({ mode: 'off' });
    const [call] = board.inbound.live.all();
    const id = call?.id ?? '';
    expect(board.inbound.record('acme', 'no such call', true)).toBeUndefined();
    expect(board.inbound.record('other', id, true)).toBeUndefined();
    expect(board.inbound.record('acme', id, true)).toBe(true);
    expect(board.inbound.record('acme', id, true)).toBe(true);
    expect(studio.running).toHaveLength(1);
    expect(board.inbound.record('acme', id, false)).toBe(false);
    await settle();
    expect(studio.running).toEqual([]);
    anna.hangUp();
    await settle();
    expect(board.inbound.record('acme', id, true)).toBeUndefined();
  });
});
