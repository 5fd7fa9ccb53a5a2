import type { Call } from './call.ts';

/** The calls of this node, from their INVITE until their record is on its way. */
export class LiveCalls {
  readonly #calls = new Map<string, Call>();
  #empty: (() => void)[] = [];

  add(call: Call): void {
    this.#calls.set(call.id, call);
  }

  remove(call: Call): void {
    this.#calls.delete(call.id);
    if (this.#calls.size > 0) return;
    for (const resolve of this.#empty.splice(0)) resolve();
  }

  get(id: string): Call | undefined {
    return this.#calls.get(id);
  }

  of(pbx: string): Call[] {
    return [...this.#calls.values()].filter((call) => call.pbx.id === pbx);
  }

  all(): Call[] {
    return [...this.#calls.values()];
  }

  count(pbx: string): number {
    let count = 0;
    for (const call of this.#calls.values()) if (call.pbx.id === pbx) count++;
    return count;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Resolves when no call is left. */
  drained(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#empty.push(resolve));
  }
}
