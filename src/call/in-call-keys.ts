import type { Clock, TimerId } from '../time/clock.ts';

/** So long a key that may begin a command waits for the next one. */
const WAIT_MS = 2000;

/** By what is pressed, such as `#5`. */
export type Commands = ReadonlyMap<string, () => void>;

/**
 * Tells the commands of one who talks (2-call-behaviour §5) from the keys that he presses for the other side. Those of a command are not passed on; those that only might have begun
 * one are, a little later.
 */
export class InCallKeys {
  readonly #commands: Commands;
  readonly #clock: Clock;
  readonly #pass: (digits: string) => void;
  #held = '';
  #timer: TimerId | undefined;

  /** @param pass gets what is for the other side, in order */
  constructor(commands: Commands, clock: Clock, pass: (digits: string) => void) {
    this.#commands = commands;
    this.#clock = clock;
    this.#pass = pass;
  }

  press(digit: string): void {
    const pressed = this.#held + digit;
    this.#forget();
    const command = this.#commands.get(pressed);
    if (command) command();
    else if (this.#mayBegin(pressed)) this.#hold(pressed);
    else if (pressed === digit) this.#pass(digit);
    else {
      this.#pass(pressed.slice(0, -1));
      this.press(digit);
    }
  }

  /** Nothing is passed on any more. */
  close(): void {
    this.#forget();
  }

  #mayBegin(pressed: string): boolean {
    return [...this.#commands.keys()].some((command) => command.startsWith(pressed));
  }

  #hold(pressed: string): void {
    this.#held = pressed;
    this.#timer = this.#clock.setTimeout(() => {
      this.#forget();
      this.#pass(pressed);
    }, WAIT_MS);
  }

  #forget(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = '';
  }
}
