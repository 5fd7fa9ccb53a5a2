import { z } from 'zod';
import { Emitter } from '../emitter.ts';
import type { RedisConnection } from './connection.ts';
import * as scripts from './registration-scripts.ts';
import type {
  Binding,
  BindingLimits,
  BindResult,
  Register,
  RegistrationEvents,
  RegistrationStore,
} from './registrations.ts';

/** How many expired bindings one script call removes: long scripts hold up everybody. */
const sweepBatch = 200;

/** The part of a binding that Redis keeps without understanding it. */
const BindingData = z.object({
  uri: z.string(),
  q: z.number(),
  instance: z.string().optional(),
  regId: z.number().optional(),
  userAgent: z.string().optional(),
  receivedFrom: z.object({
    protocol: z.enum(['udp', 'tcp', 'tls', 'ws', 'wss']),
    address: z.string(),
    port: z.number(),
  }),
  path: z.array(z.string()).readonly(),
  node: z.string(),
  server: z.string().optional(),
});
type BindingData = z.infer<typeof BindingData>;

export class RedisRegistrations implements RegistrationStore {
  readonly #redis: RedisConnection;
  readonly #now: () => number | '';
  readonly #events = new Emitter<RegistrationEvents>();

  /** @param now the time in tests, as milliseconds since 1970; without it the Redis server's, which all nodes share */
  constructor(redis: RedisConnection, now?: () => number) {
    this.#redis = redis;
    this.#now = now ?? (() => '');
  }

  async bind(pbx: string, account: string, register: Register, limits: BindingLimits): Promise<BindResult> {
    const { callId, cseq, contacts, ...source } = register;
    const reply = await scripts.bind(this.#redis, pbx, {
      now: this.#now(),
      account: checked(account),
      callId,
      cseq,
      ...limits,
      contacts: contacts.map(({ key, expires, ...contact }) => ({
        key: checked(key),
        expiresMs: expires * 1000,
        data: JSON.stringify({ ...contact, ...source } satisfies BindingData),
      })),
    });
    return this.#result(pbx, account, reply);
  }

  async removeAll(pbx: string, account: string, register: Pick<Register, 'callId' | 'cseq'>): Promise<BindResult> {
    const { callId, cseq } = register;
    const reply = await scripts.unbindAll(this.#redis, pbx, {
      now: this.#now(),
      account: checked(account),
      callId,
      cseq,
    });
    return this.#result(pbx, account, reply);
  }

  async remove(pbx: string, account: string, key: string): Promise<boolean> {
    const [now, changes] = await scripts.unbind(this.#redis, pbx, this.#now(), account, key);
    this.#tell(pbx, account, now, changes);
    return changes.some(([kind]) => kind === 'removed');
  }

  async contacts(pbx: string, account: string): Promise<Binding[]> {
    const [now, stored] = await scripts.contacts(this.#redis, pbx, this.#now(), account);
    return inOrder(stored.map((one) => binding(pbx, account, now, one)));
  }

  async list(pbx: string): Promise<Binding[]> {
    const [now, accounts] = await scripts.allContacts(this.#redis, pbx, this.#now());
    accounts.sort(([a], [b]) => (a < b ? -1 : 1));
    return accounts.flatMap(([account, stored]) => inOrder(stored.map((one) => binding(pbx, account, now, one))));
  }

  count(pbx: string): Promise<number> {
    return scripts.countContacts(this.#redis, pbx, this.#now());
  }

  async sweep(pbx: string): Promise<number> {
    let swept = 0;
    for (;;) {
      const [now, batch] = await scripts.sweepContacts(this.#redis, pbx, this.#now(), sweepBatch);
      for (const [account, stored] of batch) this.#events.emit('expired', binding(pbx, account, now, stored));
      swept += batch.length;
      if (batch.length < sweepBatch) return swept;
    }
  }

  on<K extends keyof RegistrationEvents>(event: K, listener: (binding: RegistrationEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  #result(pbx: string, account: string, reply: scripts.Bound): BindResult {
    if (reply[0] === 'out-of-order') return { outcome: 'outOfOrder' };
    if (reply[0] === 'too-many') return { outcome: 'tooMany' };
    const [, now, live, changes] = reply;
    this.#tell(pbx, account, now, changes);
    return { outcome: 'bound', bindings: inOrder(live.map((one) => binding(pbx, account, now, one))) };
  }

  #tell(
    pbx: string,
    account: string,
    now: number,
    changes: readonly (readonly [scripts.ChangeKind, scripts.StoredBinding])[],
  ): void {
    for (const [kind, stored] of changes) this.#events.emit(kind, binding(pbx, account, now, stored));
  }
}

function binding(pbx: string, account: string, now: number, stored: scripts.StoredBinding): Binding {
  const { data, refreshedAt: _, ...rest } = stored;
  const parsed = BindingData.parse(JSON.parse(data));
  // zod types an absent key as possibly undefined; JSON has no undefined.
  const known = parsed as Omit<Binding, 'pbx' | 'account' | 'expires' | keyof typeof rest>;
  return { pbx, account, ...rest, ...known, expires: Math.max(0, Math.ceil((stored.expiresAt - now) / 1000)) };
}

/** RFC 3261 §16.6: the best q first; among equals the latest, which is the likeliest to be right. */
const inOrder = (bindings: Binding[]): Binding[] => bindings.sort((a, b) => b.q - a.q || b.boundAt - a.boundAt);

/** Line feeds part account and key in the sorted set. */
function checked(text: string): string {
  if (text.includes('\n')) throw new RangeError('an account or binding key with a line feed');
  return text;
}
