import type { Employee } from '../config/document.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { Spoken } from '../media/spoken.ts';
import type { HeardMessage, Inbox } from '../messages/voicemail/port.ts';
import { Zone } from '../time/zone.ts';
import type { Call } from './call.ts';
import { callerSpoken } from './introduce.ts';
import { Keypad } from './keypad.ts';
import { openMailbox } from './open-mailbox.ts';

/** How long a key is waited for, milliseconds. */
const KEY_MS = 8000;
/** How often the menu is said to one who presses nothing. */
const MENUS = 3;

export interface Listened {
  readonly reason: EndReason;
  /** The caller of a message is to be called back now. */
  readonly callBack?: string;
}

/**
 * An employee listens to voice messages by phone: how many there are, then each with its caller and its time, the new ones first, the oldest of them before
 * the others. Keys act at any time:
 *
 *   1 again · 2 save · 3 delete · 4 call back · # next, which leaves a new message new · * the end
 *
 * A message that was heard to its end is new no more. Never rejects.
 *
 * @param own whose messages; undefined: those of whose extension and PIN are entered
 */
export async function listen(call: Call, own: string | undefined): Promise<Listened> {
  const keypad = new Keypad(call);
  try {
    const owner = own === undefined ? await openMailbox(call, keypad) : call.pbx.employee(own);
    if (!owner) return { reason: 'declined' };
    call.trace({
      state: 'mailbox',
      event: 'rule',
      detail: { employee: owner.id },
      why: 'his messages are listened to',
    });
    return await new Session(call, keypad, owner).run();
  } finally {
    keypad.close();
  }
}

class Session {
  readonly #call: Call;
  readonly #keypad: Keypad;
  readonly #owner: Employee;

  constructor(call: Call, keypad: Keypad, owner: Employee) {
    this.#call = call;
    this.#keypad = keypad;
    this.#owner = owner;
  }

  async run(): Promise<Listened> {
    const { services, pbx, caller } = this.#call;
    let inbox: Inbox;
    try {
      inbox = await services.messages.inbox(pbx.id, this.#owner.id);
    } catch (error) {
      this.#call.log.warn({ why: errorText(error) }, 'a mailbox cannot be listened to now');
      await this.#play('builtin:error-tone');
      return { reason: 'serviceUnavailable' };
    }
    const { fresh, saved } = inbox;
    await this.#say([
      { fragment: 'new-messages' },
      { number: fresh.length, gender: 'neuter' },
      ...(saved.length > 0
        ? ([{ fragment: 'saved-messages' }, { number: saved.length, gender: 'neuter' }] as const)
        : []),
    ]);
    for (const [message, isNew] of [
      ...fresh.map((one) => [one, true] as const),
      ...saved.map((one) => [one, false] as const),
    ]) {
      if (caller.gone.aborted) break;
      const next = await this.#message(message, isNew);
      if (next === 'callBack') return { reason: 'normal', callBack: message.from };
      if (next === 'end') return this.#goodbye();
    }
    await this.#play('builtin:no-more-messages');
    return this.#goodbye();
  }

  async #goodbye(): Promise<Listened> {
    await this.#play('builtin:goodbye');
    return { reason: 'normal' };
  }

  async #message(message: HeardMessage, isNew: boolean): Promise<'next' | 'callBack' | 'end'> {
    // What was pressed before was for another message, or for nothing: this one is not to be deleted unheard.
    this.#keypad.forget();
    await this.#tell(message, isNew);
    for (let menus = 0; ; ) {
      await this.#play('builtin:voicemail-menu');
      switch (await this.#keypad.next(KEY_MS)) {
        case '1':
          menus = 0;
          await this.#tell(message, isNew);
          break;
        case '2':
          if (await this.#do((messages, pbx) => messages.markRead(pbx, message.id, true), 'builtin:message-saved')) {
            return 'next';
          }
          break;
        case '3':
          if (await this.#do((messages, pbx) => messages.remove(pbx, message.id), 'builtin:message-deleted')) {
            return 'next';
          }
          break;
        case '4':
          if (/^\d+$/.test(message.from)) return 'callBack';
          await this.#play('builtin:error-tone');
          break;
        case '#':
          return 'next';
        case '*':
          return 'end';
        case undefined:
          if (this.#call.caller.gone.aborted || ++menus >= MENUS) return 'end';
          break;
        default:
          await this.#play('builtin:invalid-choice');
      }
    }
  }

  /** Caller, time, and what he said. */
  async #tell({ id, from, at, file }: HeardMessage, isNew: boolean): Promise<void> {
    if (!(await this.#say([...callerSpoken(from), ...this.#moment(at)]))) return;
    if (file === undefined) {
      this.#call.log.warn({ message: id }, 'the audio of a voice message is not on this node');
      await this.#play('builtin:error-tone');
      return;
    }
    const heard = await this.#keypad.hear((signal) => this.#call.audio.playOnce(file, signal));
    if (heard && isNew) await this.#do((messages, pbx) => messages.markRead(pbx, id, true), undefined);
  }

  /** «сегодня, девять часов пять минут», by the clocks of the employee. */
  #moment(at: number): readonly Spoken[] {
    const zone = Zone.of(this.#owner.timezone || this.#call.pbx.document.pbx.timezone);
    const dayOf = (instant: number) => new Date(zone.wallAt(instant)).toISOString().slice(0, 10);
    const now = this.#call.services.clock.now();
    const wall = new Date(zone.wallAt(at));
    const date = dayOf(at);
    const dayBefore = new Date(Date.parse(dayOf(now)) - 86_400_000).toISOString().slice(0, 10);
    const day: Spoken = date === dayOf(now) ? { day: 'today' } : date === dayBefore ? { day: 'yesterday' } : { date };
    return [day, { time: { hour: wall.getUTCHours(), minute: wall.getUTCMinutes() } }];
  }

  /** @param said after it was done. @returns false: it could not be, which he has heard */
  async #do(
    work: (messages: Call['services']['messages'], pbx: string) => Promise<unknown>,
    said: string | undefined,
  ): Promise<boolean> {
    try {
      await work(this.#call.services.messages, this.#call.pbx.id);
    } catch (error) {
      this.#call.log.warn({ why: errorText(error) }, 'a voice message cannot be changed now');
      await this.#play('builtin:error-tone');
      return false;
    }
    if (said !== undefined) await this.#play(said);
    return true;
  }

  #play(audio: string): Promise<boolean> {
    return this.#keypad.hear((signal) => this.#call.audio.play(audio, signal));
  }

  #say(spoken: readonly Spoken[]): Promise<boolean> {
    return this.#keypad.hear((signal) => this.#call.audio.say(spoken, signal));
  }
}
