import type { VoicemailRequest } from '../actors.ts';
import { after, trace } from '../build.ts';
import type { Action, Effect, State, Transition } from '../chart.ts';
import { place, to } from '../paths.ts';
import { deaf } from '../ringing.ts';
import type { StepKind, StepOf } from './kind.ts';

/** «Голосовая почта». */
export const voicemail: StepKind<StepOf<'voicemail'>> = {
  answers: true,
  course: () => 'dwells',
  compile: ({ voicemail: request }, at) => ({
    description: at.stepSource,
    ...mailbox(at.at, { src: 'voicemail', input: request satisfies VoicemailRequest }, at.next, [
      trace(at.at, 'voicemail', { ...request, to: recipients(request.to, at.scheme.tables.pbx.document.voicemail) }),
    ]),
  }),
};

/** Who really gets it: without addresses of its own a message or fax goes to the default one. */
export const recipients = (to: readonly string[], { email }: { readonly email: string }): readonly string[] =>
  to.length > 0 || email === '' ? to : [email];

/** While the greeting is heard the block's keys are live; from the beep on they are the mailbox's. */
export function mailbox(
  path: string,
  effect: Extract<Effect, { src: 'voicemail' | 'voicemailOfDialled' }>,
  next: Transition,
  entry: readonly Action[],
): State {
  return {
    id: path,
    entry,
    invoke: {
      ...effect,
      onDone: [next],
      onError: after([{ type: 'fault', params: { state: path } }], [next]),
    },
    initial: 'greeting',
    states: {
      greeting: { id: place(path, 'greeting'), on: { recording: [{ target: to(place(path, 'recording')) }] } },
      recording: deaf(place(path, 'recording')),
    },
  };
}
