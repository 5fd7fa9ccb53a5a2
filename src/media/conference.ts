/**
 * The conference port, beside `port.ts`: what the engine asks of a media layer when more than two are to hear each other. The adapters of the media port
 * implement it too, with endpoints of their own; the topic `conferences` of the contract suite states what both must do.
 *
 * Deliberately absent: who may take part, seats, PINs and announcements (`call/`). What all are to hear is played to each (`Endpoint.play`), and each can be
 * recorded (`Endpoint.record`).
 */

import type { Endpoint } from './port.ts';

export interface ConferenceMixer {
  /**
   * An empty conference. Its audio is mixed where the endpoints of that call live; endpoints that live elsewhere can take part.
   * @throws MediaError `server-gone`
   */
  createConference(options: { readonly callId: string }): Promise<Conference>;
}

export interface Conference {
  /** Resolves with why, when the media layer has lost it while it went on: who took part hears nothing any more. */
  readonly lost: Promise<string>;
  /** How many take part. */
  readonly size: number;

  /**
   * From now on this one hears all others, not himself, and they hear him. Takes him out of his bridge, or another conference; `Endpoint.bridge` and
   * `Endpoint.unbridge` take him out of this one, and so does the end of the endpoint. What is played to him he hears instead of the others. Keys are told
   * by `dtmf` events, and do not reach the others.
   * @throws MediaError `endpoint-gone`; `server-gone`: the conference is over
   */
  join(endpoint: Endpoint): Promise<Participant>;

  /** All have left. Idempotent. */
  end(): Promise<void>;
}

export interface Participant {
  /** While he is mute the others do not hear him; he hears them. Nothing happens when he has left. */
  mute(on: boolean): Promise<void>;
  /** He hears nobody any more, as after `Endpoint.unbridge`. Idempotent. */
  leave(): Promise<void>;
}
