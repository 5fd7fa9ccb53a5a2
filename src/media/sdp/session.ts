import type { ImageForm } from './image.ts';
import { type Among, type LocalDescription, printLocal } from './local.ts';
import {
  type Agreement,
  type Capabilities,
  negotiate,
  type OwnEncryption,
  offeredCrypto,
  offeredFormats,
} from './negotiate.ts';
import { parseRemote, type RemoteDescription, type RemoteImage } from './remote.ts';

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
  readonly #own: () => OwnEncryption;
  /** The last that was printed, and that of `#sdp`. */
  #version = 0;
  #sdpVersion = 0;
  #awaitsAnswer = false;
  #sdp = '';
  #heldByPeer = false;
  /** Where our stream stands among the lines of the session. */
  #among: Among | undefined;

  /** @param own asked each time that we describe ourselves */
  constructor(
    capabilities: Capabilities,
    own: () => OwnEncryption,
    fixed: Pick<LocalDescription, 'sessionId' | 'address' | 'port'>,
  ) {
    this.#capabilities = capabilities;
    this.#own = own;
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
    this.#print(this.#audioOffer());
  }

  /** The peer's description has come, and has been agreed to: an answer if we had offered, else an offer, which `sdp` then answers. */
  accept({ remote, agreement }: Negotiation): void {
    this.#heldByPeer = agreement.heldByPeer;
    if (this.#awaitsAnswer) {
      this.#awaitsAnswer = false;
      return;
    }
    const { formats, direction, parameters, index, crypto } = agreement;
    this.#among = { lines: remote.lines, index };
    const { key, webrtc: side } = this.#own();
    const webrtc = parameters.webrtc && side && { ...side, mid: parameters.webrtc.mid };
    const encryption = crypto && key !== undefined ? { ...crypto, key } : undefined;
    this.#print({
      ...{ formats, direction, rtcpMux: parameters.rtcp.mux, webrtc },
      crypto: encryption,
      among: this.#among,
    });
  }

  /** Answers an offer of T.38. */
  acceptImage({ lines }: RemoteDescription, theirs: RemoteImage, ours: ImageForm): void {
    this.#heldByPeer = false;
    this.#among = { lines, index: theirs.index };
    this.#print({ ...AUDIO_WANTED, formats: [], image: ours, among: this.#among });
  }

  /** An offer in the middle of the session: T.38 in the place of the audio (RFC 3264 §8.3.3), or audio again. The session is as it was until `agree`. */
  propose(image?: ImageForm): string {
    const wanted = image ? { ...AUDIO_WANTED, formats: [], image } : this.#audioOffer();
    return printLocal({ ...this.#fixed, ...wanted, among: this.#among, version: ++this.#version });
  }

  /** The peer has taken what was proposed. */
  agree(proposed: string, agreement?: Agreement): void {
    this.#sdp = proposed;
    this.#sdpVersion = this.#version;
    this.#heldByPeer = agreement?.heldByPeer ?? false;
  }

  #audioOffer(): Pick<LocalDescription, 'formats' | 'direction' | 'rtcpMux' | 'crypto' | 'webrtc'> {
    const capabilities = this.#capabilities;
    const formats = offeredFormats(capabilities);
    const own = this.#own();
    const { webrtc: side } = own;
    // RFC 8842 §5.2: who offers leaves it to the other one who begins.
    if (capabilities.webrtc?.required && side)
      return { ...WEBRTC_WANTED, formats, webrtc: { ...side, setup: 'actpass', mid: 'audio' } };
    return { ...AUDIO_WANTED, formats, crypto: offeredCrypto(capabilities, own) };
  }

  #print(changing: Omit<LocalDescription, 'sessionId' | 'address' | 'port' | 'version'>): void {
    const unchanged = printLocal({ ...this.#fixed, ...changing, version: this.#sdpVersion });
    if (unchanged === this.#sdp) return;
    this.#sdpVersion = ++this.#version;
    this.#sdp = printLocal({ ...this.#fixed, ...changing, version: this.#sdpVersion });
  }
}

const WEBRTC_WANTED = { direction: 'sendrecv', rtcpMux: true } as const;
const AUDIO_WANTED = { direction: 'sendrecv', rtcpMux: false } as const;
