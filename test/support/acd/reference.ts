/**
 * What the scripts of the ACD are to do, said once more in plain TypeScript: lists, filters and sorting, no index, nothing kept that can be worked out.
 * It takes what a script takes and tells what the script is to reply and to publish.
 */

interface Occupation {
  readonly node: string;
  readonly since: number;
  talkSince?: number;
  readonly group?: string;
  readonly wrapUpMs?: number;
}

interface Agent {
  reachableUntil: number;
  base: string;
  statusAt: number;
  readonly calls: Map<string, Occupation>;
  reservation: { readonly call: string; readonly token: number; expires: number } | undefined;
  wrapUpUntil: number;
  excludedUntil: number;
  lastEnd: number;
  talkToday: number;
  answeredToday: number;
  wakeAt: number;
  token: number;
}

interface Member {
  readonly phone: boolean;
  readonly respectsStatus: boolean;
  readonly accounts: readonly string[];
  readonly groups: readonly { readonly id: string; readonly priority: number; readonly index: number }[];
}

interface Step {
  readonly at: number;
  readonly agent: string;
  readonly why: string;
  outcome?: string;
}

interface Caller {
  readonly call: string;
  readonly node: string;
  readonly group: string;
  readonly number: string;
  readonly place: string;
  readonly enteredAt: number;
  readonly endsAt: number;
  readonly waits: boolean;
  readonly ringMs: number;
  readonly wrapUpMs: number;
  readonly familiar: string | undefined;
  tried: Map<string, string>;
  readonly refused: Map<string, number>;
  readonly offers: Map<string, { readonly token: number; expires: number }>;
  pickedUp: boolean;
  readonly story: Step[];
  wakeAt: number;
  token: number;
}

export interface Outcome {
  readonly reply: unknown;
  /** What the nodes are told: channel and message. */
  readonly told: readonly (readonly [node: string, message: Record<string, unknown>])[];
}

type Argv = readonly (string | number)[];

const grace = 5000;

export class ReferenceAcd {
  readonly agents = new Map<string, Agent>();
  readonly members = new Map<string, Member>();
  readonly groups = new Map<string, { readonly algorithm: string; readonly members: readonly string[] }>();
  readonly callers = new Map<string, Caller>();
  readonly nodes = new Map<string, number>();
  /** What the registrar keeps: account → until when. */
  readonly registered: ReadonlyMap<string, number>;
  readonly places = new Map<string, { readonly place: string; readonly until: number }>();
  readonly familiar = new Map<string, string>();
  readonly figures = new Map<string, number>();
  /** Whom the scripts hold for available. Time passes without anybody being told, so this is not quite `unavailable`. */
  readonly free = new Set<string>();
  #turn = 0;
  #midnight: number | undefined;
  #dayStart = 0;
  #lastBeat = 0;
  #now = 0;
  #chance = 0;
  #told: [string, Record<string, unknown>][] = [];
  #touched: string[] = [];

  constructor(registered: ReadonlyMap<string, number>) {
    this.registered = registered;
  }

  /** Another with the same state: what Redis would go back to. */
  clone(): ReferenceAcd {
    const copy = new ReferenceAcd(this.registered);
    const into = <V>(from: ReadonlyMap<string, V>, to: Map<string, V>) => {
      for (const [key, value] of structuredClone(from)) to.set(key, value);
    };
    into(this.agents, copy.agents);
    into(this.members, copy.members);
    into(this.groups, copy.groups);
    into(this.callers, copy.callers);
    into(this.nodes, copy.nodes);
    into(this.places, copy.places);
    into(this.familiar, copy.familiar);
    into(this.figures, copy.figures);
    into(this.#entries, copy.#entries);
    for (const id of this.free) copy.free.add(id);
    copy.#turn = this.#turn;
    copy.#midnight = this.#midnight;
    copy.#dayStart = this.#dayStart;
    copy.#lastBeat = this.#lastBeat;
    return copy;
  }

  run(name: string, [now, chance, ...argv]: Argv): Outcome {
    this.#now = Number(now);
    this.#chance = Number(chance);
    this.#told = [];
    this.#touched = [];
    const command = this.#commands[name];
    if (!command) throw new Error(`the reference does not know "${name}"`);
    return { reply: command(argv.map(String)), told: this.#told };
  }

  /** In the order in which they are to be served. */
  waiting(): Caller[] {
    return [...this.callers.values()].filter(({ offers }) => offers.size === 0).sort(byPlace);
  }

  /** Whether an employee has refused a caller, and is not to be offered him yet. */
  refuses(caller: Caller, id: string): boolean {
    return this.#hasRefused(caller, id);
  }

  /** What must be true after each script, whatever it did. */
  violations(): string[] {
    const found: string[] = [];
    for (const caller of this.callers.values()) {
      for (const [id, { token }] of caller.offers) {
        if (this.#agent(id).reservation?.token !== token)
          found.push(`${id} is offered ${caller.call} and not reserved`);
      }
    }
    for (const [id, { reservation }] of this.agents) {
      const offered = [...this.callers.values()].filter(({ offers }) => offers.has(id));
      if (offered.length > 1) found.push(`${id} is offered ${offered.map(({ call }) => call)} at once`);
      if (reservation && offered.length === 0) found.push(`${id} is reserved for ${reservation.call}, which is gone`);
    }
    for (const caller of this.waiting()) {
      const able = this.#eligible(caller).filter((id) => this.free.has(id) && !this.#unavailable(id));
      if (able.length > 0) found.push(`${caller.call} waits while ${able} could take him`);
    }
    return found;
  }

  readonly #commands: Readonly<Record<string, (argv: string[]) => unknown>> = {
    join: ([node = '', prefix = '', ttl, midnight, dayStart]) => {
      if (this.#midnight === undefined) {
        this.#midnight = Number(midnight);
        this.#dayStart = Number(dayStart);
      }
      for (const other of this.nodes.keys()) if (other !== node && other.startsWith(prefix)) this.nodes.set(other, 0);
      const isNew = !this.nodes.has(node);
      this.nodes.set(node, this.#now + Number(ttl));
      return isNew ? 'joined' : 'present';
    },

    'configure-groups': ([given = '', ids = '']) => {
      const groups = new Map(Object.entries(JSON.parse(given) as Record<string, [string, string[]]>));
      for (const id of this.groups.keys()) if (!groups.has(id)) this.groups.delete(id);
      for (const [id, [algorithm, members]] of groups) this.groups.set(id, { algorithm, members });
      for (const caller of [...this.callers.values()])
        if (!this.groups.has(caller.group)) this.#giveUp(caller, 'groupGone');
      const known = new Set(JSON.parse(ids) as string[]);
      const gone = [...this.members.keys()].filter((id) => !known.has(id));
      for (const id of gone) {
        this.members.delete(id);
        this.#touch(id);
      }
      this.#settle();
      for (const id of gone) {
        const { calls, reservation } = this.#agent(id);
        if (calls.size === 0 && !reservation) this.agents.delete(id);
      }
      return gone;
    },

    'configure-agents': ([given = '']) => {
      let changed = 0;
      type Entry = [string, number, number, string[], [string, string, number, number][]];
      for (const [id, phone, respects, accounts, groups] of JSON.parse(given) as Entry[]) {
        const member: Member = {
          phone: phone === 1,
          respectsStatus: respects === 1,
          accounts,
          groups: groups.map(([group, , priority, index]) => ({ id: group, priority, index })),
        };
        // The algorithm stands in the entry too: a change of it is a change of the member.
        const entry = JSON.stringify([phone, respects, accounts, groups]);
        if (this.#entries.get(id) === entry && this.members.has(id)) continue;
        this.#entries.set(id, entry);
        this.members.set(id, member);
        this.#readReachable(id);
        this.#touch(id);
        changed++;
      }
      this.#settle();
      return changed;
    },

    'refresh-agents': ([given = '']) => {
      const ids = JSON.parse(given) as string[];
      for (const id of ids) {
        this.#readReachable(id);
        this.#touch(id);
      }
      this.#settle();
      return ids.length;
    },

    'set-status': ([id = '', , base = '', age]) => {
      const agent = this.#agent(id);
      const at = this.#now - Number(age);
      if (at < agent.statusAt) return 'older';
      agent.base = base;
      agent.statusAt = at;
      if (base === 'online') agent.excludedUntil = 0;
      this.#touch(id);
      this.#settle();
      return 'set';
    },

    'set-wrap-up': ([id = '', length]) => {
      this.#agent(id).wrapUpUntil = Number(length) > 0 ? this.#now + Number(length) : 0;
      this.#touch(id);
      this.#settle();
      return 'set';
    },

    'begin-call': ([id = '', call = '', node = '', talks, incoming, ifFree]) => {
      const agent = this.#agent(id);
      const known = agent.calls.get(call);
      if (ifFree === '1' && !known && (agent.calls.size > 0 || agent.reservation)) return 'busy';
      const occupation = known ?? { node, since: this.#now };
      if (talks === '1' && occupation.talkSince === undefined) {
        occupation.talkSince = this.#now;
        if (incoming === '1') agent.answeredToday++;
      }
      agent.calls.set(call, occupation);
      this.#touch(id);
      this.#settle();
      return 'occupied';
    },

    'end-call': ([id = '', call = '']) => {
      const had = this.#release(id, call);
      this.#settle();
      return had ? 'ended' : 'gone';
    },

    enqueue: ([call = '', node = '', group = '', number = '', json = '']) => {
      const request = JSON.parse(json);
      const old = this.callers.get(call);
      if (old) this.#remove(old);
      const refused = (word: string) => {
        this.#settle();
        return [word];
      };
      const known = this.groups.get(group);
      if (!known) return refused('unknown-group');
      if (known.members.length === 0) return refused('nobody');
      const remembered = `${group}\n${number}`;
      let place: string | undefined = request.place;
      const kept = this.places.get(remembered);
      if (!place && number !== '' && kept) {
        if (kept.until > this.#now) place = kept.place;
        this.places.delete(remembered);
      }
      const isBack = place !== undefined;
      place ??= sortable(this.#now) + sortable(++this.#turn);
      const caller: Caller = {
        ...{ call, node, group, number, place, enteredAt: this.#now, waits: request.waits },
        endsAt: request.maxWaitMs > 0 ? this.#now + request.maxWaitMs : 0,
        ...{ ringMs: request.ringMs, wrapUpMs: request.wrapUpMs },
        familiar: request.familiar && number !== '' ? this.familiar.get(remembered) : undefined,
        ...{
          tried: new Map(),
          refused: new Map(),
          offers: new Map(),
          pickedUp: false,
          story: [],
          wakeAt: 0,
          token: old?.token ?? 0,
        },
      };
      const ahead = this.waiting().filter((other) => other.group === group).length;
      const isOffered = this.#seek(caller);
      if (!isOffered && !caller.waits) return refused('nobody');
      if (!isOffered && request.maxLength > 0 && ahead >= request.maxLength && !isBack) {
        this.#count(group, 'queueFull');
        return refused('full');
      }
      this.callers.set(call, caller);
      this.#count(group, 'entered');
      this.#wakeCaller(caller);
      this.#settle();
      return [isOffered ? 'offered' : 'waiting', place, Number(place.slice(0, 13))];
    },

    'pick-up': ([call = '', id = '', token, lease]) => {
      const caller = this.callers.get(call);
      if (!caller) return 'unknown';
      const made = caller.offers.get(id);
      if (made?.token !== Number(token)) return 'gone';
      for (const [other, { token: theirs }] of [...caller.offers]) {
        if (other === id) continue;
        this.#withdraw(caller, other);
        this.#told.push([caller.node, { type: 'withdraw', call, agent: other, token: theirs }]);
      }
      caller.pickedUp = true;
      made.expires = this.#now + Number(lease);
      const { reservation } = this.#agent(id);
      if (reservation) reservation.expires = made.expires;
      this.#touch(id);
      this.#wakeCaller(caller);
      this.#settle();
      return 'held';
    },

    answer: ([call = '', id = '', token]) => {
      const caller = this.callers.get(call);
      if (!caller) return ['unknown'];
      if (caller.offers.get(id)?.token !== Number(token)) return ['gone'];
      const agent = this.#agent(id);
      agent.reservation = undefined;
      agent.answeredToday++;
      const { node, group, number, wrapUpMs, story } = caller;
      agent.calls.set(call, { node, since: this.#now, talkSince: this.#now, group, wrapUpMs });
      this.#touch(id);
      caller.offers.delete(id);
      const losers = [...caller.offers.keys()];
      this.#outcome(caller, id, 'answered');
      if (number !== '') this.familiar.set(`${group}\n${number}`, id);
      const waited = this.#now - caller.enteredAt;
      this.#count(group, 'answered');
      this.#count(group, 'waitedMs', waited);
      this.#remove(caller);
      this.#settle();
      return ['connected', waited, JSON.stringify(story), losers];
    },

    miss: ([call = '', id = '', token, outcome = '', pause, again]) => {
      const caller = this.callers.get(call);
      if (caller?.offers.get(id)?.token !== Number(token)) return 'gone';
      this.#miss(caller as Caller, id, outcome, Number(pause), Number(again));
      this.#settle();
      const left = this.callers.get(call);
      if (!left) return 'over';
      return left.offers.size > 0 ? 'ringing' : 'waiting';
    },

    leave: ([call = '', why = '', keep]) => {
      const caller = this.callers.get(call);
      if (!caller) return ['gone'];
      this.#keepPlace(caller, Number(keep));
      this.#count(caller.group, why);
      this.#remove(caller);
      this.#settle();
      return ['left', this.#now - caller.enteredAt, JSON.stringify(caller.story)];
    },

    beat: ([node = '', ttl, midnight, dayStart, keep]) => {
      if (!this.nodes.has(node)) return ['unknown'];
      const until = this.#now + Number(ttl);
      if (this.#now - this.#lastBeat > Number(ttl) / 2)
        for (const [other, score] of this.nodes) if (score >= 1) this.nodes.set(other, until);
      this.#lastBeat = this.#now;
      this.nodes.set(node, until);
      this.#reap(Number(keep));
      this.#wake();
      this.#newDay(Number(midnight), Number(dayStart));
      const next = [
        ...[...this.agents.values(), ...this.callers.values()].flatMap(({ wakeAt }) => (wakeAt > 0 ? [wakeAt] : [])),
        ...[...this.places.values()].map(({ until: end }) => end),
        ...[...this.nodes.values()].map((end) => end + 1),
      ];
      return ['alive', Math.max(0, Math.min(...next) - this.#now)];
    },

    sync: ([node = '', callers = '', calls = '', unsure = '']) => {
      if (!this.nodes.has(node)) return ['unknown'];
      const given = Object.keys(JSON.parse(callers));
      const has = JSON.parse(calls) as [string, string, boolean, string, number][];
      const sure = (call: string) => !(JSON.parse(unsure) as string[]).includes(call);
      for (const [id, call, talks, group, wrapUpMs] of has) {
        if (this.#agent(id).calls.has(call)) continue;
        this.#agent(id).calls.set(call, {
          ...{ node, since: this.#now, wrapUpMs },
          ...(talks ? { talkSince: this.#now } : {}),
          ...(group === '' ? {} : { group }),
        });
        this.#touch(id);
      }
      for (const [id, agent] of this.agents) {
        for (const [call, occupation] of [...agent.calls]) {
          const isHad = has.some(([agent, other]) => agent === id && other === call);
          if (occupation.node === node && !isHad && sure(call)) this.#release(id, call);
        }
      }
      for (const caller of [...this.callers.values()])
        if (caller.node === node && !given.includes(caller.call) && sure(caller.call)) this.#remove(caller);
      this.#settle();
      const found: string[] = [];
      for (const call of [...given, ...(JSON.parse(unsure) as string[])]) {
        const caller = this.callers.get(call);
        if (!caller && given.includes(call)) found.push(JSON.stringify({ call }));
        for (const [agent, { token, expires }] of caller?.offers ?? []) {
          const ringMs = Math.max(1000, expires - grace - this.#now);
          found.push(JSON.stringify({ call, agent, token, ringMs, why: 'again' }));
        }
      }
      return ['synced', ...found];
    },

    position: ([call = '']) => {
      const caller = this.callers.get(call);
      if (!caller) return ['gone'];
      const line = this.waiting().filter(({ group }) => group === caller.group);
      const since = Number(caller.place.slice(0, 13));
      const at = line.indexOf(caller);
      return at < 0 ? ['offered', 0, line.length, since] : ['waiting', at + 1, line.length, since];
    },
  };

  readonly #entries = new Map<string, string>();

  #agent(id: string): Agent {
    let agent = this.agents.get(id);
    if (!agent) {
      agent = {
        ...{ reachableUntil: 0, base: 'online', statusAt: 0, calls: new Map(), reservation: undefined },
        ...{ wrapUpUntil: 0, excludedUntil: 0, lastEnd: 0, talkToday: 0, answeredToday: 0, wakeAt: 0, token: 0 },
      };
      this.agents.set(id, agent);
    }
    return agent;
  }

  #member(id: string): Member {
    return this.members.get(id) ?? { phone: false, respectsStatus: true, accounts: [], groups: [] };
  }

  #readReachable(id: string): void {
    const { accounts } = this.#member(id);
    this.#agent(id).reachableUntil = Math.max(0, ...accounts.map((account) => this.registered.get(account) ?? 0));
  }

  #unavailable(id: string): string | undefined {
    const [agent, member] = [this.#agent(id), this.#member(id)];
    if (agent.calls.size > 0) return 'inCall';
    if (agent.reservation) return 'reserved';
    if (!member.phone && agent.reachableUntil <= this.#now) {
      this.#readReachable(id);
      if (agent.reachableUntil <= this.#now) return 'unregistered';
    }
    if (member.respectsStatus && agent.base !== 'online') return agent.base;
    if (agent.wrapUpUntil > this.#now) return 'wrapUp';
    if (agent.excludedUntil > this.#now) return 'excluded';
    return undefined;
  }

  #touch(id: string): void {
    this.#agent(id);
    this.#touched.push(id);
  }

  /** Time may have made one unavailable without anybody having been told: found out when he is to be rung. */
  #isFree(id: string): boolean {
    if (!this.free.has(id)) return false;
    if (!this.#unavailable(id)) return true;
    this.#touch(id);
    return false;
  }

  #hasRefused = (caller: Caller, id: string): boolean => caller.refused.has(id);

  #mayRing = (caller: Caller, id: string): boolean =>
    !caller.tried.has(id) && !this.#hasRefused(caller, id) && this.#isFree(id);

  /** Members who could take a caller if they were free. */
  #eligible(caller: Caller): string[] {
    return [...this.members.keys()].filter(
      (id) => this.#member(id).groups.some(({ id: group }) => group === caller.group) && !this.#hasRefused(caller, id),
    );
  }

  /** The free of a group, in the order of its algorithm. */
  #inOrder(group: string): string[] {
    const algorithm = this.groups.get(group)?.algorithm;
    const place = (id: string) => this.#member(id).groups.find((of) => of.id === group);
    const key = (id: string): number[] => {
      const { lastEnd, talkToday, answeredToday } = this.#agent(id);
      const { priority = 0, index = 0 } = place(id) ?? {};
      switch (algorithm) {
        case 'longestIdle':
          return [lastEnd, index];
        case 'leastTalkTime':
          return [talkToday, index];
        case 'fewestAnswered':
          return [answeredToday, index];
        case 'priorityParallel':
          return [priority, index];
        case 'longestIdleByPriority':
          return [priority, lastEnd, index];
        default:
          return [index];
      }
    };
    return [...this.free]
      .filter((id) => place(id))
      .sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        const at = a.findIndex((value, i) => value !== b[i]);
        return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
      });
  }

  #choose(caller: Caller): (readonly [id: string, why: string])[] {
    const group = this.groups.get(caller.group);
    if (!group) return [];
    const { familiar } = caller;
    if (familiar !== undefined && this.#mayRing(caller, familiar)) {
      if (this.#member(familiar).groups.some(({ id }) => id === caller.group)) return [[familiar, 'familiar']];
    }
    const { algorithm } = group;
    const order = this.#inOrder(caller.group);
    if (algorithm === 'random') {
      const left = order.filter((id) => !caller.tried.has(id) && !this.#hasRefused(caller, id));
      while (left.length > 0) {
        const [id = ''] = left.splice(left.length > 1 ? Math.floor(this.#nextChance() * left.length) : 0, 1);
        if (this.#isFree(id)) return [[id, algorithm]];
      }
      return [];
    }
    if (algorithm === 'all' || algorithm === 'priorityParallel') {
      const priorityOf = (id: string) => this.#member(id).groups.find((of) => of.id === caller.group)?.priority;
      const able = order.filter((id) => this.#mayRing(caller, id));
      const best = able[0] === undefined ? 0 : priorityOf(able[0]);
      return able.filter((id) => algorithm === 'all' || priorityOf(id) === best).map((id) => [id, algorithm] as const);
    }
    const chosen = order.find((id) => this.#mayRing(caller, id));
    return chosen === undefined ? [] : [[chosen, algorithm]];
  }

  #seek(caller: Caller, because?: string): boolean {
    let chosen = this.#choose(caller);
    if (chosen.length === 0 && caller.waits && caller.tried.size > 0) {
      const { tried } = caller;
      caller.tried = new Map();
      chosen = this.#choose(caller);
      if (chosen.length === 0) caller.tried = tried;
    }
    for (const [id, why] of chosen) this.#offer(caller, id, why === 'familiar' ? why : (because ?? why));
    return chosen.length > 0;
  }

  #offer(caller: Caller, id: string, why: string): void {
    const agent = this.#agent(id);
    const token = Math.max(caller.token + 1, agent.token + 1, this.#now);
    caller.token = token;
    agent.token = token;
    const expires = this.#now + caller.ringMs + grace;
    agent.reservation = { call: caller.call, token, expires };
    this.free.delete(id);
    this.#setAlarm(id);
    caller.offers.set(id, { token, expires });
    caller.story.push({ at: this.#now, agent: id, why });
    if (caller.story.length > 16) caller.story.shift();
    this.#count(caller.group, 'offered');
    const { call, node, ringMs } = caller;
    this.#told.push([node, { type: 'offer', call, agent: id, token, ringMs, why }]);
  }

  #settle(): void {
    while (this.#touched.length > 0) {
      const ids = [...new Set(this.#touched)].sort();
      this.#touched = [];
      const fresh = ids.filter((id) => {
        this.free.delete(id);
        const isFree = !this.#unavailable(id);
        if (isFree && this.#member(id).groups.length > 0) this.free.add(id);
        return isFree;
      });
      const next = () =>
        this.waiting().find((caller) => this.#eligible(caller).some((id) => fresh.includes(id) && this.free.has(id)));
      for (let caller = next(); caller; caller = next()) if (!this.#seek(caller, 'nextFree')) break;
      for (const id of fresh) if (this.free.has(id)) this.#ringAlong(id);
      for (const id of ids) this.#setAlarm(id);
    }
  }

  #ringAlong(id: string): void {
    for (const { id: group, priority } of this.#member(id).groups) {
      const algorithm = this.groups.get(group)?.algorithm;
      if (algorithm !== 'all' && algorithm !== 'priorityParallel') continue;
      const ringing = [...this.callers.values()].filter((caller) => caller.group === group && caller.offers.size > 0);
      for (const caller of ringing.sort(byPlace).slice(0, 10)) {
        if (caller.pickedUp || caller.tried.has(id) || this.#hasRefused(caller, id)) continue;
        const isOutranked = [...caller.offers.keys()].some((other) =>
          this.#member(other).groups.some((of) => of.id === group && of.priority < priority),
        );
        if (algorithm === 'priorityParallel' && isOutranked) continue;
        return this.#offer(caller, id, algorithm);
      }
    }
  }

  #setAlarm(id: string): void {
    const [agent, member] = [this.#agent(id), this.#member(id)];
    const moments = [agent.wrapUpUntil, agent.excludedUntil].filter((at) => at > this.#now);
    if (agent.reservation) moments.push(Math.max(agent.reservation.expires, this.#now + 1));
    if (!member.phone && member.groups.length > 0 && agent.reachableUntil > this.#now)
      moments.push(agent.reachableUntil);
    agent.wakeAt = moments.length > 0 ? Math.min(...moments) : 0;
  }

  #wakeCaller(caller: Caller): void {
    const moments = [...caller.refused.values()];
    if (caller.endsAt > 0 && !caller.pickedUp) moments.push(caller.endsAt);
    caller.wakeAt = moments.length > 0 ? Math.max(this.#now, Math.min(...moments)) : 0;
  }

  #withdraw(caller: Caller, id: string): void {
    const made = caller.offers.get(id);
    caller.offers.delete(id);
    if (this.#agent(id).reservation?.token === made?.token) this.#agent(id).reservation = undefined;
    this.#touch(id);
  }

  #remove(caller: Caller): void {
    for (const id of [...caller.offers.keys()]) this.#withdraw(caller, id);
    this.callers.delete(caller.call);
  }

  #giveUp(caller: Caller, reason: string): void {
    this.#count(caller.group, reason);
    this.#told.push([caller.node, { type: 'over', call: caller.call, reason }]);
    this.#remove(caller);
  }

  #outcome(caller: Caller, id: string, outcome: string): void {
    const step = caller.story.findLast(({ agent }) => agent === id);
    if (step) step.outcome = outcome;
  }

  #miss(caller: Caller, id: string, outcome: string, pause: number, again: number): void {
    const made = caller.offers.get(id);
    const agent = this.#agent(id);
    caller.offers.delete(id);
    caller.pickedUp = false;
    caller.tried.set(id, outcome);
    this.#outcome(caller, id, outcome);
    this.#count(caller.group, outcome);
    if (pause > 0) agent.excludedUntil = Math.max(agent.excludedUntil, this.#now + pause);
    if (again > 0) caller.refused.set(id, this.#now + again);
    if (caller.offers.size === 0 && !this.#seek(caller) && !caller.waits) this.#giveUp(caller, 'nobodyAnswered');
    if (this.callers.has(caller.call)) this.#wakeCaller(caller);
    if (agent.reservation?.token === made?.token) agent.reservation = undefined;
    this.#touch(id);
  }

  #release(id: string, call: string): boolean {
    const agent = this.#agent(id);
    const occupation = agent.calls.get(call);
    if (!occupation) return false;
    agent.calls.delete(call);
    const { talkSince, wrapUpMs = 0, group } = occupation;
    if (talkSince !== undefined) {
      agent.talkToday += Math.max(0, this.#now - Math.max(talkSince, this.#dayStart));
      agent.lastEnd = this.#now;
      if (wrapUpMs > 0) agent.wrapUpUntil = this.#now + wrapUpMs;
      if (group !== undefined) {
        this.#count(group, 'talkMs', this.#now - talkSince);
        this.#count(group, 'ended');
      }
    }
    this.#touch(id);
    return true;
  }

  #keepPlace({ number, waits, group, place }: Caller, keep: number): void {
    if (keep > 0 && number !== '' && waits) this.places.set(`${group}\n${number}`, { place, until: this.#now + keep });
  }

  #reap(keep: number): void {
    const dead = [...this.nodes].filter(([, until]) => until < this.#now);
    for (const [node] of dead.sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))) {
      const calls = [...this.agents].flatMap(([id, agent]) =>
        [...agent.calls].filter(([, of]) => of.node === node).map(([call]) => `${id}\n${call}`),
      );
      for (const entry of calls.sort()) {
        const [id = '', call = ''] = entry.split('\n');
        this.#release(id, call);
        this.#settle();
      }
      const callers = [...this.callers.values()].filter((caller) => caller.node === node);
      for (const caller of callers.sort((a, b) => (a.call < b.call ? -1 : 1))) {
        this.#count(caller.group, 'lost');
        this.#keepPlace(caller, keep);
        this.#remove(caller);
        this.#settle();
      }
      this.nodes.delete(node);
    }
  }

  #wake(): void {
    const due = [
      ...[...this.agents].map(([id, { wakeAt }]) => ({ kind: 'agent', id, at: wakeAt })),
      ...[...this.callers].map(([id, { wakeAt }]) => ({ kind: 'caller', id, at: wakeAt })),
      ...[...this.places].map(([id, { until }]) => ({ kind: 'place', id, at: until })),
    ].filter(({ at }) => at > 0 && at <= this.#now);
    const name = ({ kind, id }: { kind: string; id: string }) => `${kind}\n${id}`;
    for (const { kind, id } of due.sort((a, b) => a.at - b.at || (name(a) < name(b) ? -1 : 1))) {
      if (kind === 'agent') this.#wakeAgent(id);
      else if (kind === 'place') this.places.delete(id);
      else this.#wakeWaiting(id);
      this.#settle();
    }
  }

  #wakeAgent(id: string): void {
    const agent = this.#agent(id);
    const { reservation } = agent;
    if (reservation && reservation.expires <= this.#now) {
      const caller = this.callers.get(reservation.call);
      if (caller?.offers.has(id)) {
        const { call, token } = reservation;
        this.#told.push([caller.node, { type: 'withdraw', call, agent: id, token }]);
        this.#miss(caller, id, 'expired', 0, 0);
      } else agent.reservation = undefined;
    }
    this.#touch(id);
  }

  #wakeWaiting(call: string): void {
    const caller = this.callers.get(call);
    if (!caller) return;
    if (caller.endsAt > 0 && caller.endsAt <= this.#now && !caller.pickedUp)
      return this.#giveUp(caller, 'queueTimeout');
    for (const [id, until] of [...caller.refused]) {
      if (until > this.#now) continue;
      caller.refused.delete(id);
      this.#touch(id);
    }
    this.#wakeCaller(caller);
  }

  #newDay(midnight: number, dayStart: number): void {
    if (this.#now < (this.#midnight ?? 0) || midnight <= this.#now) return;
    for (const [id, agent] of this.agents) {
      if (agent.talkToday === 0 && agent.answeredToday === 0) continue;
      agent.talkToday = 0;
      agent.answeredToday = 0;
      this.#touch(id);
    }
    this.#settle();
    this.figures.clear();
    this.familiar.clear();
    this.#midnight = midnight;
    this.#dayStart = dayStart;
  }

  #count(group: string, name: string, by = 1): void {
    const key = `${group}\n${name}`;
    this.figures.set(key, (this.figures.get(key) ?? 0) + by);
  }

  #nextChance(): number {
    const drawn = this.#chance;
    this.#chance = (this.#chance * 7919 + 0.31) % 1;
    return drawn;
  }
}

const sortable = (ms: number): string => String(ms).padStart(13, '0');
/** Two may have the same place: one who has rung again under a number whose first call Redis had only lost. */
const byPlace = (one: Caller, other: Caller): number =>
  one.place === other.place ? (one.call < other.call ? -1 : 1) : one.place < other.place ? -1 : 1;
