/** An employee in a call that no group has given him. */
export interface EmployeeCall {
  readonly pbx: string;
  readonly employee: string;
  readonly call: string;
}

/** What he does in it. */
export interface Occupation {
  /** He talks from now on; calling it twice has no effect. @param answered he has taken a call from outside */
  talks(answered: boolean): void;
  /** Calling it twice has no effect. */
  over(): void;
}

/** What all nodes know of it: groups must not offer a call to one who is in one, nor a call ring one whom a group is offering another. */
export interface SharedOccupancy {
  /** He is to be rung. False: he is in a call, or is being offered one, on some node. While that cannot be known, true. */
  rings(call: EmployeeCall): Promise<boolean>;
  calls(call: EmployeeCall): void;
  talks(call: EmployeeCall, answered: boolean): void;
  over(call: EmployeeCall): void;
}

/**
 * Which employees this node has in a call: calling, being rung, or talking. "Busy" in the sense of §4.4.6.1.2 is computed from it and from what
 * other nodes have, never stored.
 */
export class Occupancy {
  readonly #calls = new Map<string, number>();
  readonly #shared: SharedOccupancy | undefined;

  /** @param shared without it this node is alone */
  constructor(shared?: SharedOccupancy) {
    this.#shared = shared;
  }

  busy(pbx: string, employee: string): boolean {
    return this.#calls.has(key(pbx, employee));
  }

  /** He is occupied on this node; others know it already. @returns the function that ends it; calling it twice has no effect */
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

  /** He calls. */
  calls(call: EmployeeCall): Occupation {
    const release = this.occupy(call.pbx, call.employee);
    this.#shared?.calls(call);
    return this.#occupation(call, release);
  }

  /** He is to be rung. Undefined: he is busy, on whichever node. */
  async rings(call: EmployeeCall): Promise<Occupation | undefined> {
    if (this.busy(call.pbx, call.employee)) return undefined;
    const release = this.occupy(call.pbx, call.employee);
    if (!this.#shared || (await this.#shared.rings(call))) return this.#occupation(call, release);
    release();
    return undefined;
  }

  get size(): number {
    return this.#calls.size;
  }

  #occupation(call: EmployeeCall, release: () => void): Occupation {
    let isOver = false;
    let hasTalked = false;
    return {
      talks: (answered) => {
        if (hasTalked) return;
        hasTalked = true;
        this.#shared?.talks(call, answered);
        // He hung up in the moment of the connection: he has answered all the same.
        if (isOver) this.#shared?.over(call);
      },
      over: () => {
        if (isOver) return;
        isOver = true;
        release();
        this.#shared?.over(call);
      },
    };
  }
}

const key = (pbx: string, employee: string): string => `${pbx}/${employee}`;
