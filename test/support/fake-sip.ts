import { Emitter } from '../../src/emitter.ts';
import type { Identity } from '../../src/sip/identity.ts';
import {
  type Answer,
  type Dialog,
  type DialogEnd,
  type DialogEvents,
  type HeaderFields,
  type IncomingInvite,
  type IncomingInviteEvents,
  InviteFailure,
  type InviteFailureCause,
  InviteGone,
  type Offer,
  type OutgoingInvite,
  type OutgoingInviteEvents,
  type OutgoingInviteRequest,
  type Party,
  type Presence,
  type Reason,
  type ReferRequest,
  writtenOffer,
} from '../../src/sip/port.ts';

/** A SIP side without SIP: the test is the network and the people at its ends. */
export class FakeSip {
  /** INVITEs that were sent, in order. */
  readonly sent: FakeOutgoingInvite[] = [];

  invite(request: OutgoingInviteRequest): FakeOutgoingInvite {
    const invite = new FakeOutgoingInvite(request);
    this.sent.push(invite);
    return invite;
  }

  /** The latest INVITE to a Request-URI that contains the text. */
  to(uri: string): FakeOutgoingInvite {
    const found = this.sent.findLast(({ request }) => request.target.uri.includes(uri));
    if (!found) throw new Error(`no INVITE to ${uri}; sent: ${this.sent.map(({ request }) => request.target.uri)}`);
    return found;
  }
}

export class FakeDialog implements Dialog {
  readonly id = 'dialog';
  /** A test that names a dialog gives it one of its own. */
  callId = 'call';
  readonly localTag = 'l';
  readonly remoteTag = 'r';
  localSdp = '';
  remoteSdp = '';
  ended: DialogEnd | undefined;
  byeReason: Reason | undefined;
  #reinvite: ((offer: string | undefined) => Promise<string>) | undefined;
  readonly #events = new Emitter<DialogEvents>();

  on<K extends keyof DialogEvents>(event: K, listener: (payload: DialogEvents[K]) => void): () => void {
    if (event === 'ended' && this.ended) listener(this.ended as DialogEvents[K]);
    return this.#events.on(event, listener);
  }

  onReinvite(handler: (offer: string | undefined) => Promise<string>): () => void {
    this.#reinvite = handler;
    return () => undefined;
  }

  #onRefer: ((refer: ReferRequest) => void) | undefined;

  onRefer(handler: (refer: ReferRequest) => void): () => void {
    this.#onRefer = handler;
    return () => {
      if (this.#onRefer === handler) this.#onRefer = undefined;
    };
  }

  /**
   * The party wants the other one to call somebody.
   * @param replaces its other call
   * @returns what it is answered and told, in order
   */
  refers(user: string, replaces?: FakeDialog): number[] {
    const told: number[] = [];
    const handler = this.#onRefer ?? ((refer) => refer.reject(405));
    handler({
      referTo: { user, host: 'acme.example', display: '' },
      replaces: replaces && { callId: replaces.callId, toTag: replaces.localTag, fromTag: replaces.remoteTag },
      referredBy: undefined,
      accept: () => void told.push(202),
      reject: (status) => void told.push(status),
      tell: async (status) => void told.push(status),
    });
    return told;
  }

  /** Our offers by re-INVITE. */
  readonly modified: string[] = [];

  /** What the party answers to them. Default: the same. */
  answersOffer: (sdp: string) => string | Promise<string> = (sdp) => sdp;

  /** What happens before our next offer gets its turn: such as an offer of the party that has crossed it. */
  crossing: (() => Promise<unknown>) | undefined;

  async modify(offer: Offer): Promise<string> {
    const { crossing } = this;
    this.crossing = undefined;
    if (crossing) writtenOffer(offer);
    await crossing?.();
    const sdp = writtenOffer(offer);
    this.modified.push(sdp);
    this.remoteSdp = await this.answersOffer(sdp);
    this.localSdp = sdp;
    return this.remoteSdp;
  }

  async info(): Promise<number> {
    return 200;
  }

  /** What comes of each question whether the party is there. */
  presence: () => Promise<Presence> = async () => 'there';

  ask(): Promise<Presence> {
    return this.presence();
  }

  async bye(reason?: Reason): Promise<void> {
    if (!this.ended) this.byeReason = reason;
    this.#end({ by: 'local', reason: reason?.text });
  }

  /** The party at the other end hangs up. */
  hangUp(): void {
    this.#end({ by: 'remote', reason: undefined });
  }

  /** The party presses a key of a phone that sends INFO. */
  pressByInfo(digit: string): void {
    this.#events.emit('dtmf', { digit, durationMs: 100 });
  }

  async reinvite(offer?: string): Promise<string> {
    if (!this.#reinvite) throw new Error('nobody answers re-INVITEs');
    const answer = await this.#reinvite(offer);
    this.localSdp = answer;
    if (offer !== undefined) this.remoteSdp = offer;
    return answer;
  }

  /** His answer to the offer of our 200 comes with the ACK. */
  acknowledges(sdp: string): void {
    this.remoteSdp = sdp;
    this.#events.emit('remoteSdp', { sdp });
  }

  #end(end: DialogEnd): void {
    if (this.ended) return;
    this.ended = end;
    this.#events.emit('ended', end);
  }
}

export class FakeOutgoingInvite implements OutgoingInvite {
  readonly callId = 'out';
  readonly request: OutgoingInviteRequest;
  readonly answered: Promise<Answer>;
  readonly dialog = new FakeDialog();
  cancelled: Reason | true | undefined;
  refused = false;
  readonly #events = new Emitter<OutgoingInviteEvents>();
  readonly #answer: PromiseWithResolvers<Answer>;

  constructor(request: OutgoingInviteRequest) {
    this.request = request;
    this.#answer = Promise.withResolvers();
    this.answered = this.#answer.promise;
    this.answered.catch(() => undefined);
  }

  on<K extends keyof OutgoingInviteEvents>(event: K, listener: (payload: OutgoingInviteEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  cancel(reason?: Reason): void {
    this.cancelled ??= reason ?? true;
    this.#answer.reject(new InviteFailure({ status: 487, reason: 'Request Terminated', cause: 'cancelled' }));
  }

  rings(status = 180): void {
    this.#events.emit('provisional', { status, reason: 'Ringing', sdp: undefined, tag: 't' });
  }

  /** It can be heard before it answers. */
  progresses(sdp: string): void {
    this.#events.emit('provisional', { status: 183, reason: 'Session Progress', sdp, tag: 't' });
  }

  answers(): FakeDialog {
    return this.answersWith('their answer');
  }

  answersWith(sdp: string): FakeDialog {
    this.#answer.resolve({ dialog: this.dialog, sdp });
    return this.dialog;
  }

  /** The phone sends the caller elsewhere. */
  redirects(user: string, host = 'acme.example'): void {
    const redirect = { user, host, display: '' };
    this.refused = true;
    this.#answer.reject(new InviteFailure({ status: 302, reason: 'Moved Temporarily', cause: 'rejected', redirect }));
  }

  refuses(status: number, cause: InviteFailureCause = 'rejected'): void {
    this.refused = true;
    this.#answer.reject(new InviteFailure({ status, reason: String(status), cause }));
  }
}

export interface FakeInviteOptions {
  readonly identity: Identity;
  readonly from: string;
  readonly to: string;
  readonly host?: string;
  readonly asserted?: Party;
  readonly anonymous?: boolean;
  readonly maxForwards?: number;
}

export class FakeIncomingInvite implements IncomingInvite {
  readonly id = 'in';
  readonly identity: Identity;
  readonly from: Party;
  readonly to: Party;
  readonly asserted: Party | undefined;
  readonly anonymous: boolean;
  readonly requestUser: string;
  readonly requestHost: string;
  readonly source = { protocol: 'udp', address: '127.0.0.9', port: 5060 } as const;
  readonly sdp = 'their offer';
  readonly maxForwards: number;
  readonly dialog = new FakeDialog();
  cancelled = false;
  /** What was sent: `180`, `183+sdp`, `200`, `486` … */
  readonly responses: string[] = [];
  /** The headers of the refusal. */
  refusedWith: HeaderFields = {};
  readonly #events = new Emitter<IncomingInviteEvents>();
  #final = false;

  constructor(options: FakeInviteOptions) {
    const host = options.host ?? 'acme.example';
    this.asserted = options.asserted;
    this.maxForwards = options.maxForwards ?? 70;
    this.anonymous = options.anonymous ?? false;
    this.identity = options.identity;
    this.from = { user: options.from, host, display: '' };
    this.to = { user: options.to, host, display: '' };
    this.requestUser = options.to;
    this.requestHost = host;
  }

  header(): undefined {
    return undefined;
  }

  on<K extends keyof IncomingInviteEvents>(event: K, listener: (payload: IncomingInviteEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  ring(status: 180 | 183, options: { readonly sdp?: string } = {}): void {
    if (!this.#final) this.responses.push(`${status}${options.sdp === undefined ? '' : '+sdp'}`);
  }

  async answer(): Promise<Dialog> {
    if (this.#final) throw new InviteGone(this.cancelled ? 'cancelled' : 'rejected');
    this.#final = true;
    this.responses.push('200');
    return this.dialog;
  }

  reject(status: number, { headers = {} }: { readonly headers?: HeaderFields } = {}): void {
    if (this.#final) return;
    this.#final = true;
    this.refusedWith = headers;
    this.responses.push(String(status));
  }

  /** The caller hangs up before the answer. */
  cancel(): void {
    if (this.#final) return;
    this.#final = true;
    this.cancelled = true;
    this.#events.emit('cancelled', { reason: undefined });
  }
}
