import type { Random } from '../time/random.ts';

/**
 * What a node writes into its Contacts at operators (`;line=…`, a parameter of the URI), so that their calls are known by it wherever they come from: an
 * operator has more addresses than the one that takes registrations. He alone learns the mark, since nobody else is sent the Contact; so it is as good as his address.
 */
export class LineMarks {
  readonly #random: Random;
  readonly #marks = new Map<string, string>();
  readonly #trunks = new Map<string, { readonly pbx: string; readonly trunk: string }>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The mark of a trunk, the same for as long as this process lives. */
  of(pbx: string, trunk: string): string {
    const name = `${pbx}/${trunk}`;
    let mark = this.#marks.get(name);
    if (mark === undefined) {
      mark = this.#random.hex(12);
      this.#marks.set(name, mark);
      this.#trunks.set(mark, { pbx, trunk });
    }
    return mark;
  }

  /** Whose mark it is, if anybody's. */
  find(mark: string): { readonly pbx: string; readonly trunk: string } | undefined {
    return this.#trunks.get(mark);
  }
}
