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
    /** True: the next step waits for the end. False: the audio goes on while the next step rings. */
    wait: z.boolean().default(false),
    /** `once`: not again in this call when the block is entered again. */
    repeat: z.enum(['always', 'once']).default('always'),
  }),
  forward: object({
    forward: Target,
    timeout: seconds(1, 3600).exactOptional(),
    music: AudioId.exactOptional(),
  }),
  forwardByRegion: object({ forwardByRegion: refersTo('regionRules', Id) }),
  voicemail: object({
    voicemail: object({
      /** Empty: the address of `voicemail.email`. */
      to: Emails.default([]),
      greeting: AudioId.exactOptional(),
    }),
  }),
  fax: object({
    /** Empty: the address of `fax.email`. */
    fax: object({ to: Emails.default([]) }),
  }),
  hangup: object({ hangup: z.literal(true) }),
});
export type Step = Immutable<z.output<typeof Step>>;
