import type { Trunk } from '../config/document.ts';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Trunks } from '../dial/outgoing/trunks.ts';
import { Emitter } from '../emitter.ts';
import {
  type Answer,
  type Dialog,
  type DialogEnd,
  type DialogEvents,
  type HeaderFields,
  type IncomingInvite,
  type IncomingInviteEvents,
  type Info,
  InviteFailure,
  InviteGone,
  ModifyFailure,
  type Offer,
  type OutgoingInvite,
  type OutgoingInviteEvents,
  type OutgoingInviteRequest,
  type Party,
  type Presence,
  type Reason,
  type ReferRequest,
  writtenOffer,
} from '../sip/port.ts';
import type { Random } from '../time/random.ts';

/** Where an internal trunk leads to, and what identifies the call. */
export interface InternalCallOptions {
  /** The PBX that is called, and its end of the trunk. */
  readonly to: { readonly pbx: string; readonly trunk: string };
  /** The number that is dialled there. */
  readonly number: string;
  /** Domains of both PBXs, for addresses without a host. */
  readonly domains: { readonly caller: string; readonly called: string };
  /** Unique: the Call-ID of both sides. */
  readonly callId: string;
  /** Takes the call in the PBX that is called, a moment later, as from a network. */
  readonly accept: (invite: IncomingInvite) => void;
}

/** What a node has for calls between its PBXs. */
export interface Installation {
  readonly config: Pick<ConfigStore, 'current'>;
  readonly random: Random;
  readonly accept: InternalCallOptions['accept'];
}

/** The way over an internal trunk. @returns undefined: the trunk is none */
export function wayInside(
  { config, random, accept }: Installation,
  pbx: PbxVersion,
  { peer, domain }: Trunk,
  number: string,
): ReturnType<Trunks['inside']> {
  if (!peer) return undefined;
  return (request) =>
    internalCall(request, {
      to: peer,
      number,
      domains: {
        caller: domain ?? pbx.document.pbx.domains[0] ?? pbx.id,
        called: config.current(peer.pbx)?.document.pbx.domains[0] ?? peer.pbx,
      },
      callId: random.uuid(),
      accept,
    });
}

/**
 * A call from one PBX of an installation to another one of it (§5.3.2): the two ends of an INVITE and of the dialog that it becomes, without a wire between
 * them. Each side is for its PBX what a call over an external trunk is. The audio goes from one endpoint of the media server to another.
 */
export function internalCall(request: OutgoingInviteRequest, options: InternalCallOptions): OutgoingInvite {
  const call = new InternalCall(request, options);
  queueMicrotask(() => call.arrive());
  return call.outgoing;
}

class InternalCall {
  readonly outgoing: OutgoingInvite;
  readonly #incoming: IncomingInvite;
  readonly #options: InternalCallOptions;
  readonly #request: OutgoingInviteRequest;
  readonly #answer = Promise.withResolvers<Answer>();
  readonly #provisional = new Emitter<OutgoingInviteEvents>();
  readonly #cancellation = new Emitter<IncomingInviteEvents>();
  #over: InviteGone['why'] | undefined;
  #cancelReason: string | undefined;

  constructor(request: OutgoingInviteRequest, options: InternalCallOptions) {
    this.#request = request;
    this.#options = options;
    this.#answer.promise.catch(() => undefined);
    this.outgoing = {
      callId: options.callId,
      answered: this.#answer.promise,
      on: (event, listener) => this.#provisional.on(event, listener),
      cancel: (reason) => this.#cancel(reason),
    };
    this.#incoming = this.#arriving();
  }

  arrive(): void {
    if (this.#over === undefined) this.#options.accept(this.#incoming);
  }

  #arriving(): IncomingInvite {
    const { to, number, domains, callId } = this.#options;
    const { from, asserted, headers = {}, sdp } = this.#request;
    const hosted = (party: Party): Party => (party.host === '' ? { ...party, host: domains.caller } : party);
    const header = (name: string) => headerOf(headers, name);
    const over = () => this.#over;
    return {
      id: callId,
      identity: { kind: 'trunk', ...to },
      from: hosted(from),
      to: { user: number, host: domains.called, display: '' },
      asserted: asserted && hosted(asserted),
      anonymous: from.user === 'anonymous' || /\bid\b/.test(header('Privacy') ?? ''),
      requestUser: number,
      requestHost: domains.called,
      source: { protocol: 'udp', address: '127.0.0.1', port: 0 },
      internal: true,
      sdp,
      maxForwards: Number(header('Max-Forwards') ?? 70),
      get cancelled() {
        return over() === 'cancelled';
      },
      header,
      on: (event, listener) => {
        const off = this.#cancellation.on(event, listener);
        if (event === 'cancelled' && this.#over === 'cancelled') listener({ reason: this.#cancelReason } as never);
        return off;
      },
      ring: (status, { sdp: early } = {}) => {
        if (this.#over !== undefined) return;
        const reason = status === 180 ? 'Ringing' : 'Session Progress';
        this.#provisional.emit('provisional', { status, reason, sdp: early, tag: 'callee' });
      },
      answer: async ({ sdp: answer }) => this.#accept(answer),
      reject: (status, { reason = '', headers: more = {} } = {}) => {
        if (this.#over !== undefined) return;
        this.#over = 'rejected';
        this.#answer.reject(new InviteFailure({ status, reason, cause: 'rejected', headers: lowerCased(more) }));
      },
    };
  }

  #accept(answer: string): Dialog {
    if (this.#over !== undefined) throw new InviteGone(this.#over);
    this.#over = 'answered';
    const { callId } = this.#options;
    const { sdp: offer } = this.#request;
    const caller = new InternalDialog({ callId, localTag: 'caller', remoteTag: 'callee' }, offer, answer);
    const callee = new InternalDialog({ callId, localTag: 'callee', remoteTag: 'caller' }, answer, offer);
    caller.join(callee);
    callee.join(caller);
    this.#answer.resolve({ dialog: caller, sdp: answer });
    return callee;
  }

  #cancel(reason: Reason | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = 'cancelled';
    this.#cancelReason = reason?.text;
    const text = reason?.text ?? 'Request Terminated';
    this.#answer.reject(new InviteFailure({ status: 487, reason: text, cause: 'cancelled' }));
    this.#cancellation.emit('cancelled', { reason: this.#cancelReason });
  }
}

/** One end of the dialog of an internal call. */
class InternalDialog implements Dialog {
  readonly id: string;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  localSdp: string;
  remoteSdp: string;
  ended: DialogEnd | undefined;
  readonly #events = new Emitter<DialogEvents>();
  #other: InternalDialog | undefined;
  #onReinvite: ((offer: string | undefined) => Promise<string>) | undefined;

  constructor(
    { callId, localTag, remoteTag }: Pick<Dialog, 'callId' | 'localTag' | 'remoteTag'>,
    localSdp: string,
    remoteSdp: string,
  ) {
    this.id = `${callId} ${localTag}`;
    this.callId = callId;
    this.localTag = localTag;
    this.remoteTag = remoteTag;
    this.localSdp = localSdp;
    this.remoteSdp = remoteSdp;
  }

  join(other: InternalDialog): void {
    this.#other = other;
  }

  on<K extends keyof DialogEvents>(event: K, listener: (payload: DialogEvents[K]) => void): () => void {
    const off = this.#events.on(event, listener);
    const end = this.ended;
    if (event !== 'ended' || !end) return off;
    let wanted = true;
    queueMicrotask(() => wanted && listener(end as DialogEvents[K]));
    return () => {
      wanted = false;
    };
  }

  onReinvite(handler: (offer: string | undefined) => Promise<string>): () => void {
    this.#onReinvite = handler;
    return () => {
      if (this.#onReinvite === handler) this.#onReinvite = undefined;
    };
  }

  /** Nobody sends a REFER over an internal trunk: each PBX transfers its own side. */
  onRefer(_handler: (refer: ReferRequest) => void): () => void {
    return () => undefined;
  }

  async modify(offered: Offer): Promise<string> {
    const other = this.#other;
    if (this.ended || !other || other.ended) throw new ModifyFailure(481, 'Call/Transaction Does Not Exist');
    if (!other.#onReinvite) throw new ModifyFailure(491, 'Request Pending');
    const offer = writtenOffer(offered);
    let answer: string;
    try {
      answer = await other.#onReinvite(offer);
    } catch (error) {
      throw Object.assign(new ModifyFailure(488, 'Not Acceptable Here'), { cause: error });
    }
    this.localSdp = other.remoteSdp = offer;
    this.remoteSdp = other.localSdp = answer;
    return answer;
  }

  async info(info: Info): Promise<number> {
    const other = this.#other;
    if (this.ended || !other || other.ended) return 481;
    if (other.#events.listenerCount('info') === 0) return 415;
    other.#events.emit('info', info);
    return 200;
  }

  async ask(): Promise<Presence> {
    return this.ended || this.#other?.ended ? 'gone' : 'there';
  }

  async bye(reason?: Reason): Promise<void> {
    this.end({ by: 'local', reason: reason?.text });
    const other = this.#other;
    queueMicrotask(() => other?.end({ by: 'remote', reason: reason?.text }));
  }

  /** What the other end does shows here. */
  end(end: DialogEnd): void {
    if (this.ended) return;
    this.ended = end;
    this.#events.emit('ended', end);
  }
}

function headerOf(headers: HeaderFields, name: string): string | undefined {
  const found = Object.entries(headers).find(([one]) => one.toLowerCase() === name.toLowerCase())?.[1];
  return typeof found === 'string' ? found : found?.[0];
}

const lowerCased = (headers: HeaderFields): Record<string, string> =>
  Object.fromEntries(Object.keys(headers).map((name) => [name.toLowerCase(), headerOf(headers, name) ?? '']));
