import type { Conference, Participant } from '../../media/conference.ts';
import { type Endpoint, MediaError } from '../../media/port.ts';
import { EmbeddedEndpoint } from './endpoint.ts';
import type { Place } from './protocol.ts';
import type { WorkerLink } from './worker-link.ts';

export interface EmbeddedConferenceParts {
  /** Its number, and the worker that mixes it. */
  readonly number: number;
  readonly worker: number;
  readonly link: WorkerLink;
  /** A number that nothing else has. */
  readonly nextNumber: () => number;
  readonly onEnd: () => void;
}

/** The main thread's side of a conference: who takes part; the audio itself is `worker/conference.ts`. */
export class EmbeddedConference implements Conference {
  readonly lost: Promise<string>;
  readonly #parts: EmbeddedConferenceParts;
  readonly #lost = Promise.withResolvers<string>();
  readonly #seated = new Map<number, EmbeddedEndpoint>();
  #isOver = false;

  constructor(parts: EmbeddedConferenceParts) {
    this.#parts = parts;
    this.lost = this.#lost.promise;
  }

  get size(): number {
    return this.#seated.size;
  }

  get worker(): number {
    return this.#parts.worker;
  }

  async join(endpoint: Endpoint): Promise<Participant> {
    if (!(endpoint instanceof EmbeddedEndpoint)) throw new TypeError('only endpoints of one media server can meet');
    if (this.#isOver) throw new MediaError('server-gone', 'The conference is over');
    const { number: conference, worker, link, nextNumber } = this.#parts;
    const seat = nextNumber();
    const place: Place = { worker, endpoint: seat };
    this.#seated.set(seat, endpoint);
    const leave = async () => {
      if (!this.#seated.delete(seat)) return;
      await link.request('vacate', { conference, seat }).catch(ignoreGone);
    };
    try {
      await endpoint.sit({ place, leave }, (to) => link.request('seat', { conference, seat, to }));
    } catch (error) {
      await Promise.all([leave(), endpoint.unbridge()]);
      throw error;
    }
    return {
      mute: async (on) => {
        if (this.#seated.has(seat)) await link.request('mute', { conference, seat, on }).catch(ignoreGone);
      },
      leave: async () => {
        if (this.#seated.get(seat) === endpoint) await endpoint.unbridge();
      },
    };
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#over();
    await Promise.all([...this.#seated.values()].map((endpoint) => endpoint.unbridge()));
    await this.#parts.link.request('endConference', { conference: this.#parts.number }).catch(ignoreGone);
  }

  /** The worker is gone that mixed it. */
  async lose(reason: string): Promise<void> {
    if (this.#isOver) return;
    this.#over();
    await Promise.all([...this.#seated.values()].map((endpoint) => endpoint.unbridge()));
    this.#lost.resolve(reason);
  }

  #over(): void {
    this.#isOver = true;
    this.#parts.onEnd();
  }
}

/** The worker is gone, and the conference with it. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof MediaError)) throw error;
}
