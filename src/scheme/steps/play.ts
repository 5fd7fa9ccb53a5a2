import { after, trace } from '../build.ts';
import type { Action, State } from '../chart.ts';
import { place, to } from '../paths.ts';
import type { StepKind, StepOf, StepPlace } from './kind.ts';

type Play = StepOf<'play'>;

/** «Звуковое приветствие»: with `wait` the next step waits for its end, else the audio goes on while the next step rings. */
export const play: StepKind<Play> = {
  answers: true,
  course: ({ wait }) => (wait ? 'dwells' : 'passes'),
  compile: (step, at) =>
    step.repeat === 'once' ? once(step, at) : { description: at.stepSource, ...sound(step, at, at.at) },
};

function sound({ play: audio, wait }: Play, at: StepPlace, id: string, more: readonly Action[] = []): State {
  const entry = [...more, trace(at.at, 'play', { audio, wait })];
  if (!wait) return { id, entry: [...entry, { type: 'startAudio', params: { audio } }], always: [at.next] };
  return {
    id,
    entry,
    invoke: {
      src: 'play',
      input: { audio },
      onDone: [at.next],
      onError: after([{ type: 'fault', params: { state: at.at } }], [at.next]),
    },
  };
}

/** `repeat: "once"`: passed over when the block is entered again in the same call. */
function once(step: Play, at: StepPlace): State {
  const [asked, first, again] = ['asked', 'first', 'again'].map((name) => place(at.at, name)) as [
    string,
    string,
    string,
  ];
  return {
    id: at.at,
    description: at.stepSource,
    initial: 'asked',
    states: {
      asked: {
        id: asked,
        always: [{ guard: { type: 'wasPlayed', params: { step: at.at } }, target: to(again) }, { target: to(first) }],
      },
      first: sound(step, at, first, [{ type: 'played', params: { step: at.at } }]),
      again: { id: again, always: [at.next] },
    },
  };
}
