import { z } from 'zod';
import { script } from '../redis/script.ts';

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

export interface Entry {
  /** Given to no other event, whoever publishes it. */
  readonly tag: string;
  readonly type: string;
  /** JSON. */
  readonly data: string;
}

export interface AddArguments {
  /** Milliseconds since 1970, or '' for the server's time. */
  readonly now: number | '';
  /** The cursor of the last event that this publisher added; '': none. When the log does not have it any more, it has lost something. */
  readonly after: string;
  /** Events before these were thrown away. */
  readonly broken: boolean;
  /** The batch may have been added already. */
  readonly repeated: boolean;
  /** About so many events are kept; '': as many as usual. */
  readonly keep: number | '';
  readonly batch: readonly Entry[];
}

const yes = (is: boolean): string => (is ? 'yes' : 'no');

export const addEvents = script(file('event-add'), {
  keys: (k) => [k.events()],
  args: (a: AddArguments) => [
    a.now,
    a.after,
    yes(a.broken),
    yes(a.repeated),
    a.keep,
    JSON.stringify(a.batch.map(({ tag, type, data }) => [tag, type, data])),
  ],
  reply: z.string(),
});

export const readEvents = script(file('event-read'), {
  keys: (k) => [k.events()],
  args: (cursor: string, limit: number) => [cursor, limit],
  reply: z.union([
    z.tuple([z.literal('gone'), z.string()]),
    z.tuple([z.literal('events'), z.array(z.string())]).transform(([outcome, flat]) => {
      const events: { cursor: string; type: string; data: string }[] = [];
      for (let i = 0; i < flat.length; i += 3) {
        events.push({ cursor: flat[i] as string, type: flat[i + 1] as string, data: flat[i + 2] as string });
      }
      return [outcome, events] as const;
    }),
  ]),
});
