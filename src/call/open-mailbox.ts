import type { Employee } from '../config/document.ts';
import { errorText } from '../errors.ts';
import type { Call } from './call.ts';
import type { Keypad } from './keypad.ts';

/** Counts wrong PINs under a key, over all nodes and through restarts: `redis/throttle.ts`. Rejects while that is away. */
export interface WrongPins {
  fail(pbx: string, key: string, limits: PinLimits): Promise<unknown>;
  /** Until when nothing is to be tried under the key, milliseconds since 1970; undefined: it may be. */
  blockedUntil(pbx: string, key: string): Promise<number | undefined>;
}

export interface PinLimits {
  /** Wrong PINs within `window` seconds that close. */
  readonly limit: number;
  readonly window: number;
  /** Seconds for which it is then closed. */
  readonly block: number;
}

/** Where nobody guesses. */
export const noWrongPins: WrongPins = { fail: async () => undefined, blockedUntil: async () => undefined };

/** Then no PIN opens the mailbox. Its owner has his own phone, which needs none. At 120 a day a PIN of four digits lasts for weeks, and each block is in the log. */
const perMailbox: PinLimits = { limit: 5, window: 86_400, block: 3600 };
/** Then this employee's phones open no mailbox by a PIN: who tries one PIN on every mailbox is not let on for being careful with each. */
const perDialler: PinLimits = { limit: 15, window: 86_400, block: 3600 };

/** The pause that ends an extension or a PIN, milliseconds. */
const ENTRY_MS = 4000;
/** How often one may try in one call. */
const ATTEMPTS = 3;

/** Asks for an extension and its PIN. Undefined: nobody has proved to be anybody. */
export async function openMailbox(call: Call, keypad: Keypad): Promise<Employee | undefined> {
  for (let attempt = 1; attempt <= ATTEMPTS && !call.caller.gone.aborted; attempt++) {
    await keypad.hear((signal) => call.audio.play('builtin:enter-mailbox', signal));
    const extension = await keypad.entry(ENTRY_MS);
    await keypad.hear((signal) => call.audio.play('builtin:enter-password', signal));
    const pin = await keypad.entry(ENTRY_MS);
    if (call.caller.gone.aborted) break;
    const owner = await ownerOf(call, extension, pin);
    if (owner) return owner;
    // Who has no PIN, who does not exist, and whose mailbox is closed for a while sound alike.
    await keypad.hear((signal) => call.audio.play('builtin:wrong-password', signal));
  }
  return undefined;
}

async function ownerOf(call: Call, extension: string, pin: string): Promise<Employee | undefined> {
  const { pbx, timeline, services, log } = call;
  const owner = pbx.document.employees.find((one) => one.extension === extension);
  const dialler = `pins-by ${timeline.facts.employee}`;
  const mailbox = owner && `pins-of ${owner.id}`;
  try {
    const keys = [dialler, ...(mailbox === undefined ? [] : [mailbox])];
    const blocks = await Promise.all(keys.map((key) => services.wrongPins.blockedUntil(pbx.id, key)));
    const until = Math.max(...blocks.map((one) => one ?? 0));
    if (until > 0) {
      log.warn({ extension, until: new Date(until).toISOString() }, 'a mailbox is closed to PINs: too many were wrong');
      return undefined;
    }
    if (owner?.voicemailPin !== undefined && owner.voicemailPin === pin) return owner;
    log.warn({ extension }, 'a mailbox was not opened: wrong extension or PIN');
    await services.wrongPins.fail(pbx.id, dialler, perDialler);
    if (mailbox !== undefined) await services.wrongPins.fail(pbx.id, mailbox, perMailbox);
  } catch (error) {
    // Without a count everybody might guess for as long as it is away.
    log.warn({ extension, why: errorText(error) }, 'wrong PINs cannot be counted: no mailbox is opened by one');
  }
  return undefined;
}
