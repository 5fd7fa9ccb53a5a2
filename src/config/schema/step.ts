import { z } from 'zod';
import { exactlyOneOf } from './choice.ts';
import { object } from './object.ts';
import { refersTo } from './roles.ts';
import { Target } from './target.ts';
import { AudioId, Emails, Id, type Immutable, seconds } from './values.ts';

/** One action of a branch (§4.4.2.1 «Действия»). */
export const Step = exactlyOneOf('a step', {
  play: object({
    play: AudioId,
    wait: z
      .boolean()
      .default(false)
      .describe('True: the next step waits for the end. False: the audio goes on while the next step rings.'),
    repeat: z
      .enum(['always', 'once'])
      .default('always')
      .describe('"once": not again in this call when the block is entered again.'),
  }),
  forward: object({
    forward: Target,
    timeout: seconds(1, 3600).exactOptional(),
    music: AudioId.exactOptional(),
  }),
  forwardByRegion: object({ forwardByRegion: refersTo('regionRules', Id) }),
  voicemail: object({
    voicemail: object({
      to: Emails.default([]).describe('Empty: the address of "voicemail.email".'),
      greeting: AudioId.exactOptional(),
    }),
  }),
  fax: object({
    fax: object({ to: Emails.default([]) }).describe('Empty: the address of "fax.email".'),
  }),
  hangup: object({ hangup: z.literal(true) }),
}).meta({ id: 'step' });
export type Step = Immutable<z.output<typeof Step>>;
