import type { z } from 'zod';
import { AgentChange, CallbackChange, QueueChange } from './acd/changes.ts';
import type { Inbound } from './call/inbound.ts';
import { isError } from './config/issue.ts';
import type { ConfigStore } from './config/store.ts';
import { liveView } from './engine-http.ts';
import type { EventForms, EventLog } from './events/index.ts';
import type { CallRecord } from './history/record.ts';
import type { AlarmEvent } from './http/schemas.ts';
import {
  instant,
  shownAgent,
  shownCall,
  shownCallback,
  shownDevice,
  shownFax,
  shownMessage,
  shownRecording,
} from './http/shown.ts';
import type { DurableOutbox } from './messages/durable-outbox.ts';
import type { Faxes } from './messages/fax/index.ts';
import type { Recordings } from './messages/recording/index.ts';
import type { Voicemail } from './messages/voicemail/index.ts';
import type { Binding } from './redis/index.ts';
import type { Registrar } from './sip/index.ts';
import type { Clock } from './time/clock.ts';
import { Seldom } from './time/seldom.ts';
import type { OutgoingLimits } from './trunks/outgoing-limits.ts';
import type { Registering, RegistrationChange } from './trunks/registering.ts';
import type { TrunkChange, TrunkWatch } from './trunks/watch.ts';

/** What the scripts of the ACD tell of their changes, in the form of the API. */
export const acdForms = (config: Pick<ConfigStore, 'current'>): EventForms => ({
  agent(pbx, data) {
    const { at, agent } = AgentChange.parse(data);
    const name = config.current(pbx)?.employee(agent.employee)?.name ?? agent.employee;
    return { at: instant(at), agent: shownAgent(name, agent, at) };
  },
  queue(_, data) {
    const { at, what, group, caller, waiting, ringing, position, why, employee } = QueueChange.parse(data);
    const { call, number, since, node, offers } = caller;
    const offeredTo = what === 'left' ? [] : Object.keys(offers);
    return {
      at: instant(at),
      what,
      group,
      caller: { call, number, since: instant(since), offeredTo, node },
      position: position ?? null,
      waiting,
      ringing,
      why: why ?? null,
      employee: employee ?? null,
    };
  },
  callback(_, data) {
    const { at, what, dueAt, task } = CallbackChange.parse(data);
    return { at: instant(at), what, callback: shownCallback({ ...task, dueAt }) };
  },
});

/** The parts whose changes are told. */
export interface WatchedParts {
  readonly config: ConfigStore;
  readonly inbound: Inbound;
  readonly registrar: Registrar;
  readonly recordings: Recordings;
  readonly limits: Pick<OutgoingLimits, 'events'>;
  readonly clock: Clock;
}

/** Of one and the same alarm. */
const ALARM_EVERY_MS = 60_000;

type AlarmFacts = Omit<z.output<typeof AlarmEvent>, 'pbx' | 'seq' | 'type' | 'at' | 'node'>;
const noAlarm = { limit: null, max: null, employee: null, number: null, call: null, error: null };

/**
 * Puts into the log of each PBX what happens in the parts of this node, in the form of the API (`http/schemas.ts`, `LiveEvent`).
 * @returns the function that ends it
 */
export function publishEvents(
  { config, inbound, registrar, recordings, limits, clock }: WatchedParts,
  events: EventLog,
): () => void {
  const registration = (what: 'registered' | 'unregistered' | 'expired') => (device: Binding) => {
    const pbx = config.current(device.pbx);
    if (pbx) events.publish(pbx.id, 'registration', { what, device: shownDevice(pbx, device) });
  };
  const everywhere = (what: 'started' | 'stopped') => {
    for (const { id } of config.all()) events.publish(id, 'node', { what });
  };
  const alarm = (pbx: string, facts: Partial<AlarmFacts> & Pick<AlarmFacts, 'what'>) =>
    events.publish(pbx, 'alarm', { ...noAlarm, ...facts });
  const unheard = new Seldom(clock, ALARM_EVERY_MS);
  const offs = [
    inbound.events.on('changed', ({ call, what, record }) =>
      events.publish(call.pbx.id, 'call', {
        what,
        call: shownCall(liveView(call)),
        end: record ? endOf(record) : null,
      }),
    ),
    inbound.events.on('unheard', ({ call: { id, pbx }, error }) => {
      if (unheard.may(`${pbx.id}\n${error}`)) alarm(pbx.id, { what: 'audio', call: id, error });
    }),
    limits.events.on('met', ({ pbx, limit, max, employee = null, number }) =>
      alarm(pbx, { what: 'outgoingLimit', limit, max, employee, number }),
    ),
    registrar.on('registered', registration('registered')),
    registrar.on('unregistered', registration('unregistered')),
    registrar.on('expired', registration('expired')),
    recordings.events.on('recording', ({ what, facts, error = null }) => {
      const { id: recording, call, employee, manual } = facts;
      events.publish(facts.pbx, 'recording', { what, recording, call, employee, manual, error });
    }),
    ...(['added', 'removed'] as const).map((what) =>
      recordings.events.on(what, (recorded) =>
        events.publish(recorded.pbx, 'record/added', { what, recording: shownRecording(recorded) }),
      ),
    ),
    config.on('changed', ({ changed, removed }) => {
      for (const { id, version } of changed) events.publish(id, 'config', { what: 'changed', version, errors: 0 });
      for (const { id } of removed) events.publish(id, 'config', { what: 'removed', version: null, errors: 0 });
    }),
    config.on('rejected', ({ issues }) => {
      const errors = issues.filter(isError).length;
      for (const { id, version } of config.all()) events.publish(id, 'config', { what: 'rejected', version, errors });
    }),
  ];
  everywhere('started');
  return () => {
    for (const off of offs) off();
    everywhere('stopped');
  };
}

/** As `publishEvents`, of the voice messages that this node keeps, hears of and deletes. */
export function publishVoicemail({ events: changes }: Voicemail, events: EventLog): () => void {
  const offs = [
    changes.on('changed', ({ what, message, counts }) =>
      events.publish(message.pbx, 'voicemail', { what, message: shownMessage(message), counts, failure: null }),
    ),
    changes.on('silent', ({ pbx, ...failure }) =>
      events.publish(pbx, 'voicemail', {
        what: 'silent',
        message: null,
        counts: null,
        failure: { ...failure, why: 'less than a second was said' },
      }),
    ),
    changes.on('failed', ({ pbx, ...failure }) =>
      events.publish(pbx, 'voicemail', { what: 'failed', message: null, counts: null, failure }),
    ),
  ];
  return () => {
    for (const off of offs) off();
  };
}

const endOf = ({ outcome, reason, code, endedBy: by, wait, talk }: CallRecord) => ({
  outcome,
  reason,
  code,
  by,
  wait,
  talk,
});

/** As `publishEvents`, of calls that another node was carrying when it died. */
export const publishLost =
  (events: EventLog) =>
  (record: CallRecord): void => {
    const { id, start, end, direction, from, fromName, to, line, employee, stage, scheme } = record;
    const ended = Date.parse(end);
    events.publish(record.pbx, 'call', {
      what: 'ended',
      call: shownCall({
        ...{ id, direction, from, fromName, to, line, employee, stage, scheme },
        start: Date.parse(start),
        since: ended,
        state: null,
        held: false,
        parties: [],
      }),
      end: endOf(record),
    });
  };

/** As `publishEvents`, of the peers of trunks, and of our accounts at operators. */
export function publishTrunks(
  watch: Pick<TrunkWatch, 'on'>,
  registering: Pick<Registering, 'on'>,
  events: EventLog,
): () => void {
  const tell = ({ pbx, trunk, state, reason }: TrunkChange | RegistrationChange) =>
    events.publish(pbx, 'trunk', { what: state, trunk, why: reason ?? null });
  const offs = [watch.on('changed', tell), registering.on('changed', tell)];
  return () => {
    for (const off of offs) off();
  };
}

/** As `publishEvents`, of letters and text messages that will not arrive. */
export function publishOutbox(outbox: DurableOutbox, events: EventLog): () => void {
  return outbox.events.on('givenUp', ({ pbx, id, way, to, why, about }) =>
    events.publish(pbx, 'message', { what: 'givenUp', message: { id, way, to, about: about ?? null }, why }),
  );
}

/** As `publishEvents`, of faxes. */
export function publishFaxes(faxes: Faxes, events: EventLog): () => void {
  const offs = (['changed', 'removed'] as const).map((what) =>
    faxes.events.on(what, (fax) => events.publish(fax.pbx, 'fax', { what, fax: shownFax(fax) })),
  );
  return () => {
    for (const off of offs) off();
  };
}
