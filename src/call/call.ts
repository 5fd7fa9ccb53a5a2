import type { Logger } from 'pino';
import type { GroupDistributor } from '../acd/distributor.ts';
import type { Callbacks } from '../acd/group-callbacks.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Attempt } from '../dial/attempt.ts';
import type { Destinations } from '../dial/destinations.ts';
import type { EmployeeDialler } from '../dial/employee.ts';
import type { Leg } from '../dial/leg.ts';
import type { Occupancy } from '../dial/occupancy.ts';
import type { Trunks } from '../dial/outgoing/trunks.ts';
import { phoneSound, trunkSound } from '../dial/sound.ts';
import type { EndReason } from '../end-reason.ts';
import type { CallRecord } from '../history/record.ts';
import type { EndpointOptions, MediaServer } from '../media/port.ts';
import type { VoiceMessages } from '../messages/voicemail/port.ts';
import type { TraceEntry } from '../scheme/actors.ts';
import type { SchemeRun } from '../scheme/run.ts';
import type { Identity } from '../sip/identity.ts';
import type { IncomingInvite, SipServer } from '../sip/port.ts';
import type { Clock } from '../time/clock.ts';
import type { Precedence } from '../time/precedence.ts';
import type { CallLimit } from './call-limit.ts';
import { CallerAudio } from './caller-audio.ts';
import { CallerLeg } from './caller-leg.ts';
import type { Consultation } from './consultation.ts';
import type { Route } from './decide.ts';
import type { FaxMachine, Rooms } from './facilities.ts';
import type { Statuses } from './feature-codes.ts';
import type { LiveCall, Transferring } from './live-calls.ts';
import type { MissedBy } from './missed.ts';
import type { Notices } from './notices.ts';
import type { WrongPins } from './open-mailbox.ts';
import type { ConversationRecorder, TalkRecording } from './recording.ts';
import type { Shown } from './shown.ts';
import type { Sounds } from './sounds.ts';
import type { Talks } from './talks.ts';
import { type CallFacts, Timeline } from './timeline.ts';

/** What every call works with. */
export interface CallServices {
  readonly sip: Pick<SipServer, 'invite'>;
  readonly media: MediaServer;
  readonly clock: Clock;
  readonly precedence: Precedence;
  readonly sounds: Sounds;
  readonly employees: EmployeeDialler;
  readonly groups: GroupDistributor;
  readonly callbacks: Callbacks;
  readonly destinations: Destinations;
  readonly trunks: Pick<Trunks, 'takeLine'>;
  readonly callLimit: CallLimit;
  readonly occupancy: Occupancy;
  readonly messages: VoiceMessages;
  readonly wrongPins: WrongPins;
  readonly fax: FaxMachine;
  readonly rooms: Rooms;
  readonly notices: Notices;
  readonly recorder: ConversationRecorder;
  readonly statuses: Statuses;
  readonly talks: Talks<Consultation>;
}

/** How a call ended. */
export interface CallEnd {
  readonly reason: EndReason;
  readonly by: CallRecord['endedBy'];
}

/**
 * One call: from the INVITE of the caller to the last BYE; one of ours (a callback, click-to-call) has no INVITE, and a caller as soon as he has picked
 * up. Holds what all that happens to a call share; what happens is in the files beside this one.
 * Ends once, with a reason; until then its reason is `lost`.
 */
export class Call implements LiveCall {
  readonly pbx: PbxVersion;
  readonly caller: CallerLeg;
  readonly audio: CallerAudio;
  readonly timeline: Timeline;
  readonly services: CallServices;
  readonly log: Logger;
  /** Whom the rung phones show. */
  readonly shown: Shown;
  /** The scheme that runs for it, while one does. */
  scheme: SchemeRun | undefined;
  /** Who hears a key of the caller before the scheme does. True: it was for him. */
  keys: ((digit: string) => boolean) | undefined;
  /** Employees whose assistant has had this call: it acts once for each. */
  readonly assisted = new Set<string>();
  /** Employees whose phones have sent it elsewhere, in order. */
  readonly redirectedBy: string[] = [];
  /** Groups that it came to and that call back whom they have missed (`callback.onHangup`), with what he had there last. */
  readonly missedBy = new Map<string, MissedBy>();
  /** In a call of ours: the attempts that brought the caller himself to the phone. They go on for as long as the call does. */
  brought: readonly Attempt[] = [];
  /** Whither the caller goes next: whoever he has talked to has sent him there. */
  onward: Route | undefined;
  /** Who the caller talks to. */
  callee: Leg | undefined;
  /** Who else is in the conversation, which may go on without the caller. */
  company: ({ close(): void } & Transferring) | undefined;
  /** Of the conversation that goes on. */
  recording: TalkRecording | undefined;
  /** Resolves when the conversation, or the fax, is over and has been noted. */
  conversation: Promise<unknown> | undefined;
  /** While the caller leaves a message: resolves when that is safe and has been noted. */
  message: Promise<unknown> | undefined;

  readonly #ended = Promise.withResolvers<CallEnd>();
  #end: CallEnd | undefined;

  constructor(options: {
    /** Unset: a call of ours. */
    invite?: IncomingInvite;
    pbx: PbxVersion;
    facts: CallFacts;
    shown: Shown;
    services: CallServices;
    log: Logger;
  }) {
    const { invite, pbx, facts, services } = options;
    this.pbx = pbx;
    this.services = services;
    this.shown = options.shown;
    this.log = options.log;
    this.timeline = new Timeline(facts, services.clock);
    const sound = invite && callerSound(pbx, invite.identity);
    this.caller = new CallerLeg({
      media: services.media,
      ...(invite === undefined ? {} : { invite }),
      ...(sound === undefined ? {} : { sound }),
    });
    this.audio = new CallerAudio({
      ...{ caller: this.caller, pbx, sounds: services.sounds, log: options.log },
      onUnheard: (error) => this.timeline.unheard(error),
    });
    this.caller.on('ended', ({ by, reason }) => {
      this.settle({ by, reason });
    });
  }

  get id(): string {
    return this.timeline.facts.id;
  }

  /** How it ended; undefined while it goes on. */
  get end(): CallEnd | undefined {
    return this.#end;
  }

  /** Resolves when the caller's leg is over. */
  get ended(): Promise<CallEnd> {
    return this.#ended.promise;
  }

  /** Notes a decision, for history and the log. */
  trace(entry: TraceEntry): void {
    this.log.debug(entry, 'decided');
    this.timeline.trace(entry);
  }

  /** Ends the call, in whatever state it is: a caller who was not answered is refused, one who was is hung up. The first reason counts. */
  finish(end: CallEnd): void {
    this.settle(end);
    this.caller.end(end.reason);
  }

  /** As history keeps it, once it has ended. */
  record(): CallRecord {
    const end = this.#end ?? { by: 'engine', reason: 'lost' };
    // Whoever was brought to the phone, and has talked to nobody.
    for (const attempt of this.brought) attempt.over('elsewhere', end.reason);
    return this.timeline.record(end);
  }

  /** Ends the call, and hangs up whoever the caller talks to. */
  breakOff(end: CallEnd): void {
    void this.callee?.hangup();
    this.company?.close();
    this.finish(end);
  }

  /** It is over, and this is why: the first reason counts. `finish` is to follow. */
  settle(end: CallEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.audio.stop();
    this.#ended.resolve(end);
  }
}

/** What the sound of whoever has sent an INVITE is bound to. */
function callerSound(
  pbx: PbxVersion,
  identity: Identity,
): Pick<EndpointOptions, 'codecs' | 'dtmf' | 'srtp'> | undefined {
  if (identity.kind === 'account') return phoneSound(pbx);
  const trunk = identity.kind === 'trunk' ? pbx.trunk(identity.trunk) : undefined;
  return trunk && trunkSound(trunk);
}
