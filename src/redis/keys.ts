/** Where scripts have the PBX, of what belongs to nodes and to no PBX. */
export const ALL_PBXS = '-';

/**
 * Every Redis key of one PBX, and the only place where keys are made. The braces are a cluster hash tag: all keys of a PBX share a slot, so that a
 * script may touch any of them.
 */
export class Keys {
  readonly #prefix: string;

  /** @throws RangeError for an id that would break the hash tag */
  constructor(pbx: string) {
    if (!/^[^{}\s]+$/.test(pbx)) throw new RangeError(`"${pbx}" cannot be part of a Redis key`);
    this.#prefix = `km:{${pbx}}:`;
  }

  /** Hash: account → JSON list of its bindings. */
  bindings(): string {
    return `${this.#prefix}bindings`;
  }
  /** Sorted set: account and binding key, by expiry. */
  bindingExpiry(): string {
    return `${this.#prefix}binding-expiry`;
  }
  /** Hash: wrong passwords from one address, wrong PINs of one mailbox or by one employee. */
  failures(address: string): string {
    return `${this.#prefix}failures:${address}`;
  }
  /** Stream: what happens, for those who watch; its name is also the channel on which each addition is told. */
  events(): string {
    return `${this.#prefix}events`;
  }
  /** Channel: employees whose mailbox has changed. */
  mailboxes(): string {
    return `${this.#prefix}mailboxes`;
  }
  /** What the scripts of the ACD declare, all of it and in this order: `src/acd/scripts/includes/state.lua` says what each is. */
  acd(): readonly string[] {
    return [...acdNames.map((name) => `${this.#prefix}acd-${name}`), this.bindings(), this.events()];
  }
  /** Channel: what the ACD has to tell one node of this PBX. It is the node's name in the ACD. */
  acdNode(node: string): string {
    return `${this.#prefix}acd-node:${node}`;
  }
  /** Hash: group → what is known of its waiting times, `EstimatorState`. */
  waitEstimates(): string {
    return `${this.#prefix}acd-estimates`;
  }
  /**
   * Hash: number → task, whose name is also the channel on which tasks that are taken away are told; sorted set: numbers by the moment they are due; and the
   * stream of events.
   */
  callbacks(): readonly [tasks: string, due: string, events: string] {
    return [`${this.#prefix}callbacks`, `${this.#prefix}callback-due`, this.events()];
  }
  /** Sorted set: what is taken of that of which there is a limited number, by when it comes back if nobody says that he still has it. */
  limit(what: string): string {
    return `${this.#prefix}limit-${what}`;
  }
  /** Hash: conference room → until when, and which node has it. */
  rooms(): string {
    return `${this.#prefix}rooms`;
  }
  /** Channel: what other nodes have to tell one of conference rooms. */
  roomNode(node: string): string {
    return `${this.#prefix}room-node:${node}`;
  }
  /** Hash: which node registers the accounts of the PBX at operators, and until when. */
  registering(): string {
    return `${this.#prefix}registering`;
  }
  /** Hash: trunk → what came of registering its account, as JSON. */
  trunkRegistrations(): string {
    return `${this.#prefix}trunk-registrations`;
  }
  /**
   * Calls to the telephone network of an employee, or with an empty id of the whole PBX. Sorted set: those that go on, by when they count no more if nobody
   * says that they do; sorted set: those of the last minute, by their beginning; hash: how long they have talked today.
   */
  outgoing(employee: string) {
    return [
      `${this.#prefix}outgoing-calls:${employee}`,
      `${this.#prefix}outgoing-recent:${employee}`,
      `${this.#prefix}outgoing-talked:${employee}`,
    ] as const;
  }
  /** The key that nodes make nonces with; hexadecimal. */
  nonceKey(): string {
    return `${this.#prefix}nonce-key`;
  }
  /** The highest count that a nonce was used with. */
  nonce(nonce: string): string {
    return `${this.#prefix}nonce:${nonce}`;
  }
  /** Hash: SIP server → until when it is there, and how it is reached, of servers that nodes have opened to each other. */
  sipServers(): string {
    return `${this.#prefix}sip-servers`;
  }
  /** Stream: finished calls on their way to the database. */
  history(): string {
    return `${this.#prefix}history`;
  }
  /**
   * What goes on, for the case that its node dies. Sorted set: nodes that have calls, by when they spoke last; hash of one node: call → `OpenCall`, as JSON.
   */
  openCalls(node: string): readonly [nodes: string, calls: string] {
    return [`${this.#prefix}open-nodes`, `${this.#prefix}open-calls:${node}`];
  }
  /** Stream: records that the database would not take; kept for a person to look at. */
  historyRejected(): string {
    return `${this.#prefix}history-rejected`;
  }
}

const acdNames = [
  ...['agents', 'members', 'groups', 'free', 'queue', 'ringing', 'callers', 'timers', 'nodes', 'owned'],
  ...['places', 'familiar', 'counted', 'figures', 'meta'],
];

/** For SCAN: the history streams of all PBXs; `pbxOfKey` tells whose. */
export const anyHistoryKey = 'km:{*}:history';
export const pbxOfKey = (key: string): string | undefined => /^km:\{([^{}]+)\}:/.exec(key)?.[1];
