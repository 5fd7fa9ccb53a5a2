import { inspect } from 'node:util';

/** A text that must not reach a log, an error or a screen: printing it in any way gives `shown`. */
export class Secret {
  readonly #value: string;
  readonly #shown: string;

  /** @param shown what may be seen of it, such as an address without its password */
  constructor(value: string, shown = '[secret]') {
    this.#value = value;
    this.#shown = shown;
  }

  /** The text itself, for the one place that needs it. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return this.#shown;
  }

  toJSON(): string {
    return this.#shown;
  }

  [inspect.custom](): string {
    return this.#shown;
  }
}
