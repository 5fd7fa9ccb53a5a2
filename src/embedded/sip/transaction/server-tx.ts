import { SipRequest, type SipResponse } from '../message/message.ts';
import type { Source } from '../transport/types.ts';
import type { ServerRun } from './server-run.ts';
import type { ServerTransaction } from './types.ts';

/**
 * The user's end of a server transaction. The layer holds on to the run below it, which lets go of this with the final response:
 * the request lives on for as long as the user wants to read it, and not for the sake of repeats.
 */
export class ServerTx implements ServerTransaction {
  readonly id: string;
  readonly #run: ServerRun;
  #request: SipRequest;

  constructor(id: string, request: SipRequest, run: ServerRun) {
    this.id = id;
    this.#run = run;
    this.#request = request;
  }

  get request(): SipRequest {
    return this.#request;
  }

  get source(): Source {
    return this.#run.source;
  }

  get state(): ServerTransaction['state'] {
    const { name } = this.#run;
    // The layer starts a transaction before anyone sees it.
    return name === 'waiting' ? 'trying' : name;
  }

  get toTag(): string {
    return this.#run.toTag;
  }

  /** Whether a final response has been given. */
  get finished(): boolean {
    return this.#run.finished;
  }

  respond(response: SipResponse): Promise<void> {
    return this.#run.respond(response);
  }

  /** What nobody asks for once the request has been answered. */
  dropBody(): void {
    const { method, uri, headers, body } = this.#request;
    if (body.length > 0) this.#request = new SipRequest(method, uri, headers);
  }
}
