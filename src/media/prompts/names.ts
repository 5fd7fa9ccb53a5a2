/**
 * What the engine can say without any file of the company: pure data, so that the configuration can check references against it. An
 * `AudioId` of the form `builtin:<name>` means one of these. The recordings behind the names are in `ru.ts` and `en.ts`.
 */

/** Complete phrases and sounds, by name; the text says when each is heard. */
const PROMPTS = {
  beep: 'short tone before a recording starts',
  'error-tone': 'what was asked for is not possible now',
  greeting: 'a greeting for schemes without one of their own: dial an extension or wait',
  closed: 'the company is closed, please call later',
  'enter-extension': 'dial the number that you want to reach (DISA)',
  'enter-password': 'password and #, §4.4.2.2',
  'wrong-password': 'that password is wrong, try again',
  'invalid-choice': 'the keys pressed are not in the menu',
  'number-not-found': 'no such extension, try again',
  'number-unavailable': 'the number dialled is not in service',
  'not-answering': 'the number does not answer',
  'nobody-available': 'nobody can take the call now',
  'call-not-allowed': 'calls to this number are not permitted for you',
  'transfer-not-allowed': 'transfers to external numbers are not permitted',
  'line-busy': 'all lines are busy, call later (§5.3.1.1)',
  'please-wait': 'one moment, please',
  connecting: 'please wait, you are being connected',
  transfer: 'please hold while the call is transferred',
  'all-operators-busy': 'stay on the line, calls are answered in order (§4.4.3, default of enqueueMessage)',
  'queue-first': 'your call is the next',
  'queue-longer': 'waiting takes longer than was said before',
  'queue-thanks': 'thank you for your patience',
  'callback-offer': 'press 1 and the first free operator will call you back (§4.4.6.2.1)',
  'callback-accepted': 'thank you, the first free operator will call you back (§4.4.6.2.1)',
  'leave-message': 'leave a message after the tone (§4.6.5.1, default of voicemail.warning)',
  'message-saved': 'the message has been stored',
  'message-too-short': 'the message is too short',
  'mailbox-full': 'no message can be left',
  'enter-mailbox': 'enter the extension of the mailbox that you want to listen to (*98)',
  'voicemail-menu': 'again 1, save 2, delete 3, call back 4, next #: after each message of a mailbox',
  'message-deleted': 'the message has been deleted',
  'no-more-messages': 'there are no more messages',
  'recording-started': 'said to the employee who pressed #5',
  'recording-stopped': 'said to the employee who pressed #5 again',
  'conference-pin': 'enter the PIN of the conference',
  'conference-wrong-pin': 'that PIN is wrong',
  'conference-full': 'no seat is left',
  'conference-refused': 'you may not join this conference (§4.6.4.2)',
  'conference-entering': 'you are about to enter the conference',
  'conference-first': 'you are the first participant',
  'thank-you': 'thank you',
  goodbye: 'goodbye',
} as const;

/** Beginnings and parts of announcements that are put together with spoken numbers; they make no sense alone. */
const FRAGMENTS = {
  'call-from': 'incoming call from … (§4.4.1.2, followed by the number)',
  'unknown-caller': 'from an unknown caller',
  'queue-position': 'your position in the queue is …',
  'queue-wait': 'the expected waiting time is …',
  'less-than': 'less than …',
  'new-messages': 'new messages: …',
  'saved-messages': 'saved messages: …',
} as const;

export type PromptName = keyof typeof PROMPTS;
export type FragmentName = keyof typeof FRAGMENTS;

/** `music` is not a phrase but the play list for those who wait. */
export type BuiltinName = PromptName | 'music';

export const promptNames = Object.keys(PROMPTS) as readonly PromptName[];
export const fragmentNames = Object.keys(FRAGMENTS) as readonly FragmentName[];

/** Everything that may follow `builtin:` in a configuration. */
export const builtinPrompts: readonly string[] = [...promptNames, 'music'];

const PREFIX = 'builtin:';

/** The name in `builtin:<name>`; undefined for the id of a company's own audio. Whether the name exists is another question. */
export const builtinPart = (audioId: string): string | undefined =>
  audioId.startsWith(PREFIX) ? audioId.slice(PREFIX.length) : undefined;

export const isBuiltinName = (name: string): name is BuiltinName => builtinPrompts.includes(name);
