import { Emitter } from '../emitter.ts';
import type { Identity } from '../sip/identity.ts';
import {
  type Answer,
  type Dialog,
  type DialogEnd,
  type DialogEvents,
  type IncomingInvite,
  type IncomingInviteEvents,
  InviteFailure,
  InviteGone,
  type Offer,
  type OutgoingInvite,
  type OutgoingInviteEvents,
  type OutgoingInviteRequest,
  type Party,
  type Presence,
  type Reason,
  type SipServer,
  writtenOffer,
} from '../sip/port.ts';
import type { Clock } from '../time/clock.ts';
import type { People, Reaction } from './people.ts';

/** The SIP side of a simulated call: who is rung behaves as `People` says. The network takes no time and loses nothing. */
export class SimulatedSip implements Pick<SipServer, 'invite'> {
  readonly #people: People;
  readonly #clock: Clock;
  /** By our offer, which names the endpoint. */
  readonly #sent = new Map<string, SimulatedOutgoingInvite>();
  #dialogs = 0;

  constructor(people: People, clock: Clock) {
    this.#people = people;
    this.#clock = clock;
  }

  invite(request: OutgoingInviteRequest): OutgoingInvite {
    const to = request.to ?? { user: '', host: request.target.uri, display: '' };
    const dialog = new SimulatedDialog(`callee ${++this.#dialogs}`);
    const invite = new SimulatedOutgoingInvite(this.#people.reaction(to), dialog, this.#clock);
    this.#sent.set(request.sdp, invite);
    return invite;
  }

  /** The dialog with whoever was offered this endpoint. */
  dialogOf(localSdp: string): SimulatedDialog | undefined {
    return this.#sent.get(localSdp)?.dialog;
  }
}

export class SimulatedDialog implements Dialog {
  readonly id: string;
  readonly callId: string;
  readonly localTag = 'engine';
  readonly remoteTag = 'party';
  readonly localSdp = '';
  readonly remoteSdp = '';
  ended: DialogEnd | undefined;
  readonly #events = new Emitter<DialogEvents>();

  constructor(id: string) {
    this.id = id;
    this.callId = id;
  }

  on<K extends keyof DialogEvents>(event: K, listener: (payload: DialogEvents[K]) => void): () => void {
    if (event === 'ended' && this.ended) listener(this.ended as DialogEvents[K]);
    return this.#events.on(event, listener);
  }

  onReinvite(): () => void {
    return () => undefined;
  }

  onRefer(): () => void {
    return () => undefined;
  }

  async modify(offer: Offer): Promise<string> {
    return writtenOffer(offer);
  }

  async info(): Promise<number> {
    return 200;
  }

  async ask(): Promise<Presence> {
    return this.ended ? 'gone' : 'there';
  }

  async bye(reason?: Reason): Promise<void> {
    this.#end({ by: 'local', reason: reason?.text });
  }

  /** The party hangs up. */
  hangUp(): void {
    this.#end({ by: 'remote', reason: undefined });
  }

  #end(end: DialogEnd): void {
    if (this.ended) return;
    this.ended = end;
    this.#events.emit('ended', end);
  }
}

class SimulatedOutgoingInvite implements OutgoingInvite {
  readonly callId: string;
  readonly answered: Promise<Answer>;
  readonly dialog: SimulatedDialog;
  readonly #events = new Emitter<OutgoingInviteEvents>();
  readonly #answer = Promise.withResolvers<Answer>();
  readonly #clock: Clock;
  #timer: unknown;

  constructor(reaction: Reaction, dialog: SimulatedDialog, clock: Clock) {
    this.callId = dialog.callId;
    this.dialog = dialog;
    this.answered = this.#answer.promise;
    this.answered.catch(() => undefined);
    this.#clock = clock;
    // Whoever has sent it listens only when this has returned.
    queueMicrotask(() => this.#react(reaction));
  }

  on<K extends keyof OutgoingInviteEvents>(event: K, listener: (payload: OutgoingInviteEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  cancel(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#answer.reject(new InviteFailure({ status: 487, reason: 'Request Terminated', cause: 'cancelled' }));
  }

  #react(reaction: Reaction): void {
    if (reaction.kind === 'busy') return this.#refuse(486, 'Busy Here');
    this.#events.emit('provisional', { status: 180, reason: 'Ringing', sdp: undefined, tag: this.dialog.remoteTag });
    if (reaction.kind === 'declines') return this.#refuse(603, 'Decline');
    if (reaction.kind !== 'answers') return;
    const answer = () => this.#answer.resolve({ dialog: this.dialog, sdp: this.dialog.id });
    this.#timer = this.#clock.setTimeout(answer, reaction.afterMs);
  }

  #refuse(status: number, reason: string): void {
    this.#answer.reject(new InviteFailure({ status, reason, cause: 'rejected' }));
  }
}

/** The caller's INVITE. */
export class SimulatedIncomingInvite implements IncomingInvite {
  readonly id = 'caller';
  readonly identity: Identity;
  readonly from: Party;
  readonly to: Party;
  readonly asserted = undefined;
  readonly anonymous: boolean;
  readonly requestUser: string;
  readonly requestHost: string;
  readonly source = { protocol: 'udp', address: '127.0.0.1', port: 5060 } as const;
  readonly sdp = 'caller';
  readonly maxForwards = 70;
  readonly dialog = new SimulatedDialog('caller');
  cancelled = false;
  /** He was answered. */
  answered = false;
  /** The status that he was refused with. */
  refused: number | undefined;
  readonly #events = new Emitter<IncomingInviteEvents>();

  constructor(options: { identity: Identity; from: Party; to: Party; anonymous: boolean }) {
    this.identity = options.identity;
    this.from = options.from;
    this.to = options.to;
    this.anonymous = options.anonymous;
    this.requestUser = options.to.user;
    this.requestHost = options.to.host;
  }

  header(): undefined {
    return undefined;
  }

  on<K extends keyof IncomingInviteEvents>(event: K, listener: (payload: IncomingInviteEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  ring(): void {
    // Nobody listens.
  }

  async answer(): Promise<Dialog> {
    if (this.#over) throw new InviteGone(this.cancelled ? 'cancelled' : this.answered ? 'answered' : 'rejected');
    this.answered = true;
    return this.dialog;
  }

  reject(status: number): void {
    if (!this.#over) this.refused = status;
  }

  /** He hangs up, whether he was answered or not. */
  hangUp(): void {
    if (this.answered) return this.dialog.hangUp();
    if (this.#over) return;
    this.cancelled = true;
    this.#events.emit('cancelled', { reason: undefined });
  }

  get #over(): boolean {
    return this.cancelled || this.answered || this.refused !== undefined;
  }
}
