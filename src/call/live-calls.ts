import type { Logger } from 'pino';
import type { PbxVersion } from '../config/version.ts';
import type { CallEnd } from './call.ts';
import type { TalkRecording } from './recording.ts';
import type { Timeline } from './timeline.ts';

/** A call as those see it who watch calls: one that came in, or one of ours. */
export interface LiveCall {
  readonly id: string;
  readonly pbx: PbxVersion;
  readonly timeline: Timeline;
  readonly log: Logger;
  /** Of the conversation that goes on; undefined: nobody talks. */
  readonly recording: TalkRecording | undefined;
  /** Who talks; undefined: nobody does. */
  readonly company: Transferring | undefined;
  /** Ends it, in whatever state it is. The first reason counts. */
  breakOff(end: CallEnd): void;
}

/** A conversation from which one of the two can be sent to somebody else. */
export interface Transferring {
  /**
   * As if an employee who talks had asked for it with the key of his phone.
   * @param employee default: the one who was called, else the one who called
   * @throws UserError when it cannot begin
   */
  transfer(to: string, employee?: string): void;
}

/** The calls of this node, from their INVITE until their record is on its way. */
export class LiveCalls {
  readonly #calls = new Map<string, LiveCall>();
  #empty: (() => void)[] = [];

  add(call: LiveCall): void {
    this.#calls.set(call.id, call);
  }

  remove(call: LiveCall): void {
    this.#calls.delete(call.id);
    if (this.#calls.size > 0) return;
    for (const resolve of this.#empty.splice(0)) resolve();
  }

  get(id: string): LiveCall | undefined {
    return this.#calls.get(id);
  }

  of(pbx: string): LiveCall[] {
    return [...this.#calls.values()].filter((call) => call.pbx.id === pbx);
  }

  all(): LiveCall[] {
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
