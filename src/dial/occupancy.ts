/**
 * Which employees this node has in a call: calling, being rung, or talking. "Busy" in the sense of §4.4.6.1.2 is computed from it, never
 * stored.
 */
export class Occupancy {
  readonly #calls = new Map<string, number>();

  busy(pbx: string, employee: string): boolean {
    return this.#calls.has(key(pbx, employee));
  }

  /** @returns the function that ends it; calling it twice has no effect */
  occupy(pbx: string, employee: string): () => void {
    const of = key(pbx, employee);
    this.#calls.set(of, (this.#calls.get(of) ?? 0) + 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.#calls.get(of) ?? 1) - 1;
      if (left > 0) this.#calls.set(of, left);
      else this.#calls.delete(of);
    };
  }

  get size(): number {
    return this.#calls.size;
  }
}

const key = (pbx: string, employee: string): string => `${pbx}/${employee}`;
