/** How long a test waits for something that has to happen. Long, because it only matters when it does not happen. */
const patience = 20_000;

/**
 * Something that a test waits for in a stream of things: events of a phone, lines of a log. Nothing is lost between two waits: each looks at
 * everything that has come since the mark of the one before.
 */
export class Inbox<T> {
  readonly items: T[] = [];
  readonly #name: string;
  #waiting: (() => void)[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  push(item: T): void {
    this.items.push(item);
    for (const check of this.#waiting.splice(0)) check();
  }

  /** The first item at or after `from` that matches, and its index. @param ms how long it is waited for */
  async find(
    what: string,
    matches: (item: T) => boolean,
    from = 0,
    ms = patience,
  ): Promise<{ readonly item: T; readonly index: number }> {
    const deadline = Date.now() + ms;
    for (let next = from; ; ) {
      for (; next < this.items.length; next++) {
        const item = this.items[next] as T;
        if (matches(item)) return { item, index: next };
      }
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${this.#name}: waited in vain for ${what}; had:\n${this.#text()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #text(): string {
    return this.items
      .slice(-30)
      .map((item) => `  ${typeof item === 'string' ? item : JSON.stringify(item)}`)
      .join('\n');
  }
}

/** Asks again and again until the answer is right: for states that nothing announces. Throws with the last answer. @param ms how long */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T> | T,
  right: (answer: T) => boolean,
  ms = patience,
): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (right(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}; last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
