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
const Time = z.number();

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
  z.tuple([z.literal('bound'), Time, z.array(Json), pairsOf(ChangeKind, Json)]),
  z.tuple([z.literal('out-of-order')]),
  z.tuple([z.literal('too-many')]),
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
  keys: (k) => [k.bindings(), k.bindingExpiry()],
  args: (a: BindArguments) => [a.now, a.account, a.callId, a.cseq, a.max, a.beyond, JSON.stringify(a.contacts)],
  reply: Bound,
});

export const unbindAll = script(file('unbind-all'), {
  keys: (k) => [k.bindings(), k.bindingExpiry()],
  args: (a: Pick<BindArguments, 'now' | 'account' | 'callId' | 'cseq'>) => [a.now, a.account, a.callId, a.cseq],
  reply: Bound,
});

export const unbind = script(file('unbind'), {
  keys: (k) => [k.bindings(), k.bindingExpiry()],
  args: (now: Now, account: string, key: string) => [now, account, key],
  reply: z.tuple([Time, pairsOf(ChangeKind, Json)]),
});

export const contacts = script(file('contacts'), {
  keys: (k) => [k.bindings()],
  args: (now: Now, account: string) => [now, account],
  reply: z.tuple([Time, z.array(Json)]),
});

export const allContacts = script(file('all-contacts'), {
  keys: (k) => [k.bindings()],
  args: (now: Now) => [now],
  reply: z.tuple([Time, pairsOf(z.string(), z.array(Json))]),
});

export const countContacts = script(file('count-contacts'), {
  keys: (k) => [k.bindingExpiry()],
  args: (now: Now) => [now],
  reply: z.number(),
});

export const sweepContacts = script(file('sweep-contacts'), {
  keys: (k) => [k.bindings(), k.bindingExpiry()],
  args: (now: Now, limit: number) => [now, limit],
  reply: z.tuple([Time, pairsOf(z.string(), Json)]),
});
