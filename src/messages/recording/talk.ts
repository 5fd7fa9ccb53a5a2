import type { Logger } from 'pino';
import type { Talk, Talker, TalkRecording, TalkSide } from '../../call/recording.ts';
import { errorText } from '../../errors.ts';
import type { Recording, RecordingEnd } from '../../media/recorder.ts';
import { mendWav } from '../../media/wav-file.ts';
import type { Clock } from '../../time/clock.ts';
import type { Random } from '../../time/random.ts';
import type { MessageFiles } from '../files.ts';
import type { Keeper } from './keeper.ts';
import type { RecordingFacts } from './recorded.ts';
import { whoIsRecorded } from './rules.ts';

/** That the recording of a conversation began or ended. */
export interface RecordingChange {
  readonly what: 'started' | 'stopped' | 'failed';
  readonly facts: RecordingFacts;
  /** Of `failed`. */
  readonly error?: string;
}

export interface TalkRecorderParts {
  readonly files: MessageFiles;
  readonly keeper: Pick<Keeper, 'begins' | 'keep' | 'drop'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly tell: (change: RecordingChange) => void;
}

const sides = ['caller', 'callee'] as const satisfies readonly TalkSide[];

/** A recording that goes on. */
interface Running {
  readonly facts: RecordingFacts;
  readonly recording: Recording;
}

/** What is recorded of one conversation: by the rules from its beginning, and by hand. Each file is made at the end of one who talks: left what he says, right what he hears. */
export class TalkRecorder implements TalkRecording {
  #talk: Talk;
  readonly #parts: TalkRecorderParts;
  readonly #running = new Map<TalkSide, Running>();
  readonly #finished: Promise<string | undefined>[] = [];
  #isOver = false;

  constructor(talk: Talk, parts: TalkRecorderParts) {
    this.#talk = talk;
    this.#parts = parts;
    this.#byRules(sides);
  }

  #byRules(ends: readonly TalkSide[]): void {
    const { pbx, caller, callee, direction, from, to, group } = this.#talk;
    const outside = [caller, callee].flatMap(({ employee, contact }) => (employee === undefined ? [contact] : []));
    const wanted = whoIsRecorded(pbx.document.recording, {
      direction,
      numbers: [...(direction === 'in' ? [from] : direction === 'out' ? [to] : []), ...outside],
      group,
      talkers: [caller, callee],
      isMember: (id, employee) => pbx.group(id)?.members.some((member) => member.employee === employee) ?? false,
    });
    for (const { talker, email, why } of wanted) {
      const side = sides[talker] ?? 'caller';
      if (ends.includes(side)) this.#start(side, { email, why, manual: false });
    }
  }

  get isOn(): boolean {
    return this.#running.size > 0;
  }

  toggle(side: TalkSide): boolean {
    if (this.#isOver) return false;
    if (this.#stop(side)) return false;
    return this.#start(side, this.#byHand);
  }

  set(on: boolean): boolean {
    if (this.#isOver) return false;
    if (!on) {
      for (const side of sides) this.#stop(side);
      return false;
    }
    if (this.#running.size > 0) return true;
    const side = sides.find((one) => this.#talk[one].employee !== undefined) ?? 'caller';
    return this.#start(side, this.#byHand);
  }

  succeeds(side: TalkSide, talker: Talker): void {
    if (this.#isOver) return;
    this.#stop(side);
    this.#talk = { ...this.#talk, [side]: talker };
    this.#byRules([side]);
  }

  async over(): Promise<readonly string[]> {
    this.#isOver = true;
    for (const side of sides) this.#stop(side);
    const kept = await Promise.all(this.#finished);
    return kept.flatMap((id) => id ?? []);
  }

  get #byHand() {
    const { email } = this.#talk.pbx.document.recording;
    return { email: email === '' ? [] : [email], why: 'by hand', manual: true };
  }

  #start(side: TalkSide, how: { email: readonly string[]; why: string; manual: boolean }): boolean {
    const { files, keeper, random, clock, log, tell } = this.#parts;
    const { pbx, call, direction, from, to, line, group } = this.#talk;
    const { stereo, quality, minDuration } = pbx.document.recording;
    const own = this.#talk[side];
    const theirs = this.#talk[side === 'caller' ? 'callee' : 'caller'];
    const facts: RecordingFacts = {
      id: random.uuid(),
      pbx: pbx.id,
      call,
      start: clock.now(),
      direction,
      from,
      to,
      line,
      employee: own.employee ?? null,
      group: group ?? null,
      other: theirs.employee ?? theirs.contact,
      manual: how.manual,
      stereo,
      quality,
      minMs: minDuration * 1000,
      email: [...how.email],
    };
    try {
      files.folder(pbx.id);
    } catch (error) {
      log.error({ pbx: pbx.id, call, error: errorText(error) }, 'a conversation cannot be recorded: no folder');
      tell({ what: 'failed', facts, error: `The folder of recordings cannot be made: ${errorText(error)}` });
      return false;
    }
    const recording = own.endpoint.record({ file: files.path(pbx.id, `${facts.id}.wav`), sides: 'both' });
    const written = keeper.begins(facts);
    const running = { facts, recording };
    this.#running.set(side, running);
    log.info({ pbx: pbx.id, call, recording: facts.id, employee: facts.employee, why: how.why }, 'recording begins');
    tell({ what: 'started', facts });
    this.#finished.push(
      recording.ended.then(async (end) => {
        if (this.#running.get(side) === running) this.#running.delete(side);
        await written;
        return this.#finish(facts, end);
      }),
    );
    return true;
  }

  /** @returns false: it was not running */
  #stop(side: TalkSide): boolean {
    const running = this.#running.get(side);
    if (!running) return false;
    this.#running.delete(side);
    void running.recording.stop();
    return true;
  }

  /** @returns the recording's id if it is kept */
  async #finish(facts: RecordingFacts, end: RecordingEnd): Promise<string | undefined> {
    const { keeper, log, tell } = this.#parts;
    const { pbx, call, id } = facts;
    if (end.reason === 'failed') {
      log.error({ pbx, call, recording: id, ms: end.ms, error: end.error }, 'a recording broke off');
      tell({ what: 'failed', facts, error: end.error ?? 'it broke off' });
      keeper.keep(facts, end.error ?? 'it broke off');
      return id;
    }
    tell({ what: 'stopped', facts });
    if ((await this.#lengthOf(facts, end)) >= facts.minMs) {
      keeper.keep(facts, null);
      return id;
    }
    log.info({ pbx, call, recording: id, ms: end.ms }, 'recording dropped: too short');
    await keeper
      .drop(facts)
      .catch((error: unknown) => log.warn({ recording: id, error: errorText(error) }, 'not removed'));
    return undefined;
  }

  /** A media server that died has not said how much it has written. */
  async #lengthOf({ pbx, id }: RecordingFacts, { ms, reason }: RecordingEnd): Promise<number> {
    if (ms > 0 || reason !== 'endpointGone') return ms;
    return (await mendWav(this.#parts.files.path(pbx, `${id}.wav`)).catch(() => 0)) ?? 0;
  }
}
