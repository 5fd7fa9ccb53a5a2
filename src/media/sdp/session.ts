import { type LocalDescription, printLocal } from './local.ts';
import { type Agreement, type Capabilities, negotiate, offeredFormats } from './negotiate.ts';
import { parseRemote, type RemoteDescription } from './remote.ts';

/** A description of the peer that we can work with. */
export interface Negotiation {
  readonly remote: RemoteDescription;
  readonly agreement: Agreement;
}

/** @throws MediaError `bad-sdp`, `no-common-codec` */
export function readRemote(text: string, capabilities: Capabilities): Negotiation {
  const remote = parseRemote(text);
  return { remote, agreement: negotiate(remote, capabilities) };
}

/** The offer/answer exchange of one endpoint (RFC 3264), seen from our side. */
export class SdpSession {
  readonly #fixed: Pick<LocalDescription, 'sessionId' | 'address' | 'port'>;
  readonly #capabilities: Capabilities;
  #version = 1;
  #awaitsAnswer = false;
  #sdp = '';
  #heldByPeer = false;

  constructor(capabilities: Capabilities, fixed: Pick<LocalDescription, 'sessionId' | 'address' | 'port'>) {
    this.#capabilities = capabilities;
    this.#fixed = fixed;
  }

  /** Our side of the last exchange. */
  get sdp(): string {
    return this.#sdp;
  }

  get heldByPeer(): boolean {
    return this.#heldByPeer;
  }

  offer(): void {
    this.#awaitsAnswer = true;
    this.#print({ formats: offeredFormats(this.#capabilities), direction: 'sendrecv', rtcpMux: false });
  }

  /** The peer's description has come, and has been agreed to: an answer if we had offered, else an offer, which `sdp` then answers. */
  accept({ remote, agreement }: Negotiation): void {
    this.#heldByPeer = agreement.heldByPeer;
    if (this.#awaitsAnswer) {
      this.#awaitsAnswer = false;
      return;
    }
    this.#print({
      formats: agreement.formats,
      direction: agreement.direction,
      rtcpMux: agreement.parameters.rtcp.mux,
      answers: { lines: remote.lines, audioIndex: remote.audio?.index ?? -1 },
    });
  }

  #print(changing: Omit<LocalDescription, 'sessionId' | 'address' | 'port' | 'version'>): void {
    const unchanged = printLocal({ ...this.#fixed, ...changing, version: this.#version });
    if (unchanged === this.#sdp) return;
    if (this.#sdp !== '') this.#version++;
    this.#sdp = printLocal({ ...this.#fixed, ...changing, version: this.#version });
  }
}
