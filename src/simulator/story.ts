import type { PbxVersion } from '../config/version.ts';
import { capital, quoted } from '../config/words.ts';
import { type EndReason, endReasons } from '../end-reason.ts';
import { momentText } from './moment.ts';
import { resultOf, type SimulatedStep } from './result.ts';
import type { Command } from './script.ts';
import type { SimulatedCall, Simulation } from './simulator.ts';

/** A simulated call as a text: a line for each step with its second, its place in the scheme, what happened and why. */
export function story(call: SimulatedCall, simulation: Simulation): string {
  const { path, ended, answered } = resultOf(simulation);
  const { record, left } = simulation;
  const { timezone } = call.pbx.document.pbx;
  const from = record.from === '' ? 'a hidden number' : record.from;
  const rows = path.map((step) => [seconds(step.t), step.state, sentence(step, call.pbx)] as const);
  const times = Math.max(...rows.map(([time]) => time.length));
  const places = Math.max(...rows.map(([, place]) => place.length));
  const lines = rows.map(([time, place, text]) => `  ${time.padStart(times)}  ${place.padEnd(places)}  ${text}`);
  return [
    `Call from ${from} to ${record.line ?? record.to}, ${momentText(call.at, timezone)} (${timezone})`,
    '',
    ...lines.map((line) => line.trimEnd()),
    '',
    `${answered ? 'Answered' : capital(record.outcome)}. Ended after ${seconds(ended.t)} by ${enders[record.endedBy]}: ${endReasons[record.reason].text.toLowerCase()} (${ended.reason}).`,
    ...(left.length === 0 ? [] : [`The caller did not come to: ${left.map(commandText).join('; ')}`]),
  ].join('\n');
}

const enders = { caller: 'the caller', callee: 'the other side', engine: 'the engine' } as const;

const seconds = (value: number): string => `${value.toFixed(1)} s`;

/** What happened, and why where that says more. */
function sentence({ event, detail, why }: SimulatedStep, pbx: PbxVersion): string {
  const because = why === '' ? '' : `: ${why}`;
  switch (event) {
    case 'branch':
      return `branch ${Number(detail.index) + 1}, because ${why}`;
    case 'play':
      return `plays "${detail.audio}"${detail.wait === false ? ' and goes on' : ''}${because}`;
    case 'wait':
      return detail.group === undefined
        ? 'waits for a key'
        : `waits in the queue of ${detail.group}${detail.audio === undefined ? '' : `, hears "${detail.audio}"`}${because}`;
    case 'digit':
      return `the caller enters ${detail.digits}${because}`;
    case 'password':
      return detail.right ? 'the password is right' : 'the password is wrong';
    case 'rule':
      if (detail.rule !== undefined) return `rule ${detail.rule}, because ${why}`;
      return detail.region === undefined ? capital(why) : `region "${detail.region}", ${why}`;
    case 'queue':
      return `group ${named(String(detail.group), pbx.group(String(detail.group))?.name)}`;
    case 'ring':
      return `rings ${whom(detail, pbx)}`;
    case 'answer':
      return `${whom(detail, pbx)} answers`;
    case 'connect':
      return `the caller talks to ${whom(detail, pbx)}`;
    case 'noAnswer':
      return `${whom(detail, pbx)} is not reached${because}`;
    case 'voicemail':
      return `a voice message${recipients(detail.to)}`;
    case 'fax':
      return `receives a fax${recipients(detail.to)}`;
    case 'mainMenu':
      return 'back to the main menu';
    case 'scheme':
      return `scheme ${named(String(detail.scheme), pbx.scheme(String(detail.scheme))?.name)}${because}`;
    case 'notice':
      return `tells ${detail.to} by ${detail.way}${because}`;
    case 'gaveUp':
      return capital(why);
    case 'hangup':
      return `the end: ${why === '' ? endReasons[detail.reason as EndReason].text : why}`;
    case 'unheard':
      return `cannot be heard: ${detail.error}`;
    case 'fault':
      return `does not work: ${detail.error}`;
    default:
      return `${event}${Object.keys(detail).length > 0 ? ` ${JSON.stringify(detail)}` : ''}${because}`;
  }
}

function whom(detail: Readonly<Record<string, unknown>>, pbx: PbxVersion): string {
  const { employee, group, room, sip, phone, trunk, to } = detail;
  const address = sip ?? phone ?? (trunk === undefined ? undefined : `${to ?? ''} behind trunk ${trunk}`);
  if (employee !== undefined) {
    const person = named(String(employee), pbx.employee(String(employee))?.name);
    return address === undefined ? person : `${person} at ${address}`;
  }
  if (room !== undefined) return `room ${named(String(room), pbx.room(String(room))?.name)}`;
  if (address === undefined && group !== undefined)
    return `group ${named(String(group), pbx.group(String(group))?.name)}`;
  return String(address ?? 'somebody');
}

/** `ivanov (Иван Иванов)` */
const named = (id: string, name: string | undefined): string => (name && name !== id ? `${id} (${name})` : id);

const recipients = (to: unknown): string =>
  Array.isArray(to) && to.length > 0 ? ` for ${to.join(', ')}` : ', which goes to no address';

function commandText(command: Command): string {
  if (command.do === 'press') return `press ${quoted([...command.keys], 'and')}`;
  return command.do === 'wait' ? `wait ${command.seconds}` : command.do;
}
