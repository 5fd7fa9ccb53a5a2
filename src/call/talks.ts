import type { Leg } from '../dial/leg.ts';
import type { Replaces } from '../sip/port.ts';
import type { TalkSide } from './recording.ts';

/** A conversation, as others find it. */
export interface FoundTalk<T> {
  readonly talk: T;
  /** Whose dialog was named. */
  readonly side: TalkSide;
}

/** The conversations of this node, by the dialogs of those who talk: a phone that brings the other parties of two of them together names one by its dialog (RFC 5589 §7). */
export class Talks<T> {
  readonly #legs = new Map<T, Readonly<Record<TalkSide, Leg>>>();

  /** @returns takes it away again */
  add(talk: T, legs: Readonly<Record<TalkSide, Leg>>): () => void {
    this.#legs.set(talk, legs);
    return () => void this.#legs.delete(talk);
  }

  find(dialog: Replaces): FoundTalk<T> | undefined {
    for (const [talk, legs] of this.#legs)
      for (const side of ['caller', 'callee'] as const) if (legs[side].isDialog(dialog)) return { talk, side };
    return undefined;
  }
}
