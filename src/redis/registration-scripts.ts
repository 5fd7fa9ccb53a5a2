import { z } from 'zod';
import { script } from './script.ts';

/** What the scripts keep of one binding, see `scripts/includes/bindings.lua`. */
const StoredBinding = z.object({
  key: z.string(),
  callId: z.string(),
  cseq: z.number(),
  boundAt: z.number(),
  refreshedAt: z.number(),
  expiresAt: z.number(),
  /** JSON of `BindingData`. */
  data: z.string(),
});
export type StoredBinding = z.infer<typeof StoredBinding>;

const Json = z.string().transform((text) => StoredBinding.parse(JSON.parse(text)));
const Now = z.number();

export type ChangeKind = 'bound' | 'refreshed' | 'removed' | 'expired';
const ChangeKind = z.enum(['bound', 'refreshed', 'removed', 'expired']);

/** A flat list of pairs, as Redis can carry it. */
const pairsOf = <First, Second>(first: z.ZodType<First>, second: z.ZodType<Second>) =>
  z.array(z.unknown()).transform((flat): [First, Second][] => {
    const pairs: [First, Second][] = [];
    for (let i = 0; i < flat.length; i += 2) pairs.push([first.parse(flat[i]), second.parse(flat[i + 1])]);
    return pairs;
  });

const Bound = z.union([
  z.tuple([z.literal('bound'), Now, z.array(Json), pairsOf(ChangeKind, Json)]),
  z.tuple([z.enum(['out-of-order', 'too-many'])]),
]);
export type Bound = z.infer<typeof Bound>;

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

/** `now`: milliseconds since 1970, or '' for the server's time. */
type Now = number | '';

export interface BindArguments {
  readonly now: Now;
  readonly account: string;
  readonly callId: string;
  readonly cseq: number;
  readonly max: number;
  readonly beyond: string;
  readonly contacts: readonly { readonly key: string; readonly expiresMs: number; readonly data: string }[];
}

export const bind = script(file('bind'), {
  keys: (keys, _: BindArguments) => [keys.bindings(), keys.bindingExpiry()],
  args: (a) => [a.now, a.account, a.callId, a.cseq, a.max, a.beyond, JSON.stringify(a.contacts)],
  reply: Bound,
});

export const unbindAll = script(file('unbind-all'), {
  keys: (keys, _: Pick<BindArguments, 'now' | 'account' | 'callId' | 'cseq'>) => [
    keys.bindings(),
    keys.bindingExpiry(),
  ],
  args: (a) => [a.now, a.account, a.callId, a.cseq],
  reply: Bound,
});

export const unbind = script(file('unbind'), {
  keys: (keys, _now: Now, _account: string, _key: string) => [keys.bindings(), keys.bindingExpiry()],
  args: (now, account, key) => [now, account, key],
  reply: z.tuple([Now, pairsOf(ChangeKind, Json)]),
});

export const contacts = script(file('contacts'), {
  keys: (keys, _now: Now, _account: string) => [keys.bindings()],
  args: (now, account) => [now, account],
  reply: z.tuple([Now, z.array(Json)]),
});

export const allContacts = script(file('all-contacts'), {
  keys: (keys, _now: Now) => [keys.bindings()],
  args: (now) => [now],
  reply: z.tuple([Now, pairsOf(z.string(), z.array(Json))]),
});

export const countContacts = script(file('count-contacts'), {
  keys: (keys, _now: Now) => [keys.bindingExpiry()],
  args: (now) => [now],
  reply: z.number(),
});

export const sweepContacts = script(file('sweep-contacts'), {
  keys: (keys, _now: Now, _limit: number) => [keys.bindings(), keys.bindingExpiry()],
  args: (now, limit) => [now, limit],
  reply: z.tuple([Now, pairsOf(z.string(), Json)]),
});
