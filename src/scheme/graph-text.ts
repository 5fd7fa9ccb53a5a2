import type { Branch, Rules, Target } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import { whenText } from '../time/when-text.ts';
import type { Action, ActionParams, GuardParams, Invoke, State, Transition } from './chart.ts';
import type { CompiledScheme } from './compile.ts';
import { branchPaths, inner } from './paths.ts';
import { ordinal } from './rules/invalid-input.ts';

/** What a graph says in words: of states, of what leads from one to the next, and of whom the call is sent to. */

/** By path: what the blocks and branches of a scheme are. */
export function blockTexts({ id, tables }: CompiledScheme): ReadonlyMap<string, string> {
  const scheme = tables.pbx.scheme(id);
  const texts = new Map<string, string>();
  const block = (path: string, text: string, branches: readonly Branch[]) => {
    texts.set(path, text);
    for (const [index, branch] of branchPaths(path, branches).entries()) {
      const { when, menu, rules } = branches[index] as Branch;
      if (branch !== path) texts.set(branch, whenText(when));
      for (const [key, item] of Object.entries(menu)) block(inner(branch, key), `key ${key}`, item.branches);
      for (const [name, rule] of Object.entries(rules) as [keyof Rules, Rules[keyof Rules]][]) {
        if (rule && 'branches' in rule) block(inner(branch, name), ruleTexts[name], rule.branches);
      }
    }
  };
  if (scheme) block(id, scheme.name === '' || scheme.name === id ? 'the scheme' : scheme.name, scheme.branches);
  return texts;
}

const ruleTexts: Readonly<Record<keyof Rules, string>> = {
  disa: 'whom the caller dialled was not reached',
  fax: 'a fax is calling',
  noInput: 'nothing was pressed',
  anyOtherInput: 'something else was pressed',
  invalidInput: 'wrong input too often',
  wrongPassword: 'wrong password too often',
};

/** What a state is, or what is done in it. */
export function stateText(
  { id, entry, invoke, always, initial }: State,
  blocks: ReadonlyMap<string, string>,
  { tables: { pbx } }: CompiledScheme,
): string {
  const known = blocks.get(id);
  if (known !== undefined) return known;
  if (invoke) return effectText(invoke, entry, pbx);
  const audio = paramsOf(entry, 'startAudio')?.audio;
  if (audio !== undefined) return `starts to play ${audioName(audio, pbx)}`;
  const name = id.slice(id.lastIndexOf(':') + 1);
  const named = placeTexts[name];
  if (named !== undefined) return named;
  const ways = always?.flatMap(({ actions }) => actions ?? []);
  const onTo = paramsOf(ways, 'goOn');
  if (onTo) return `goes on in ${targetName({ scheme: onTo.scheme }, pbx)}`;
  const fails = ways?.some((action) => action.type === 'trace' && action.params.event === 'noAnswer');
  if (fails) return 'a number that nobody has';
  if (paramsOf(ways, 'end')) return 'hangs up';
  return initial === undefined ? '' : (stepTexts[initial] ?? '');
}

const entryBegun = 'has the caller begun to press keys?';
const hearsOut = 'hears the caller out';

/** By the last word of a path. */
const placeTexts: Readonly<Record<string, string>> = {
  start: 'the call arrives',
  ended: 'the call ends',
  end: 'the branch ends',
  stepsEnd: entryBegun,
  employeeEnd: entryBegun,
  dialledEnd: entryBegun,
  invalidEnd: entryBegun,
  stepsEntry: hearsOut,
  employeeEntry: hearsOut,
  dialledEntry: hearsOut,
  invalidEntry: hearsOut,
  sentEntry: hearsOut,
  regionEntry: hearsOut,
  unanswered: 'an employee was not reached',
  waiting: 'waits for keys',
  ringing: 'rings',
  recording: 'records',
  connected: 'the two talk',
  greeting: 'greeting',
  password: 'asks for a password',
  typing: 'a password is entered',
  complete: 'is it right?',
  region: 'where does the caller call from?',
  asked: 'played before?',
  again: 'passed over',
};

/** By the first state of a step that has several. */
const stepTexts: Readonly<Record<string, string>> = {
  asked: 'plays once in a call',
  region: 'by the region of the caller',
};

function effectText(invoke: Invoke, entry: readonly Action[] | undefined, pbx: PbxVersion): string {
  switch (invoke.src) {
    case 'answer':
      return 'answers the call';
    case 'play':
      return `plays ${audioName(invoke.input.audio, pbx)}`;
    case 'forward': {
      const { target, timeout, music } = invoke.input;
      const limits = [
        ...(timeout === undefined ? [] : [`at most ${timeout} s`]),
        ...(music === undefined ? [] : [`with ${audioName(music, pbx)}`]),
      ];
      return [`calls ${targetName(target, pbx)}`, ...limits].join(', ');
    }
    case 'forwardDialled':
      return 'calls whom the caller has dialled';
    case 'voicemail':
      return `takes a message${addressed(entry)}`;
    case 'voicemailOfDialled':
      return 'takes a message for the employee';
    case 'fax':
      return `receives a fax${addressed(entry)}`;
  }
}

/** For whom it is, as the state tells the path. */
function addressed(entry: readonly Action[] | undefined): string {
  const to = paramsOf(entry, 'trace')?.detail?.to;
  return Array.isArray(to) && to.length > 0 ? ` for ${to.join(', ')}` : '';
}

/** An end of the scheme that is not the end of the call: somebody talks to the caller, or another scheme goes on. */
export function endOf(
  { guard, actions }: Transition,
  state: State | undefined,
  { tables: { pbx } }: CompiledScheme,
): { readonly id: string; readonly text: string } | undefined {
  const onTo = paramsOf(actions, 'goOn');
  if (onTo) return { id: `scheme ${onTo.scheme}`, text: targetName({ scheme: onTo.scheme }, pbx) };
  if (actions?.some(({ type }) => type === 'goOnDialled')) {
    return { id: 'scheme dialled', text: 'the scheme that was dialled' };
  }
  if (actions?.some(({ type }) => type === 'goOnSent')) {
    return { id: 'scheme sent', text: 'a scheme that an assistant or a phone sends the call to' };
  }
  if (guard?.type !== 'dealtWith' || !state?.invoke) return undefined;
  if (state.invoke.src !== 'forward') return { id: 'whoever dialled', text: 'whoever was dialled' };
  const { target } = state.invoke.input;
  return { id: [Object.keys(target)[0], ...Object.values(target)].join(' '), text: targetName(target, pbx) };
}

/** What makes the call go this way. Empty: nothing more has to happen. */
export function arrowText(
  event: string,
  transition: Transition,
  state: State | undefined,
  compiled: CompiledScheme,
): string {
  const why = (transition.actions ?? [])
    .map((action) => (action.type === 'trace' && action.params.event === 'hangup' ? action.params.why : undefined))
    .find((reason) => reason !== undefined);
  // The reason of a hang-up says what its guard says, where there is one.
  const rest = why ?? (transition.guard ? guardText(transition.guard, compiled) : '');
  return [eventText(event, transition, state), rest].filter(Boolean).join(', ');
}

/** What was to be done has not worked. */
export const failure = 'it fails';

function eventText(event: string, { guard }: Transition, state: State | undefined): string {
  if (event.startsWith('key:')) return `key ${event.slice('key:'.length)}`;
  if (event.startsWith('after ')) {
    const seconds = Number(event.slice('after '.length)) / 1000;
    return `nothing is pressed for ${seconds} s`;
  }
  switch (event) {
    case 'digit':
      return guard?.type === 'endsEntry' ? '#' : 'a digit';
    case 'extension':
      return guard ? 'a scheme is dialled' : 'an extension is dialled';
    case 'done':
      return guard === undefined && rings(state) ? 'nobody is reached' : '';
    case 'failed':
      if (!rings(state)) return failure;
      return guard === undefined ? 'nobody is reached' : '';
    default:
      return eventTexts[event] ?? '';
  }
}

const rings = (state: State | undefined): boolean =>
  state?.invoke?.src === 'forward' || state?.invoke?.src === 'forwardDialled';

const eventTexts: Readonly<Record<string, string>> = {
  trunk: 'a number behind a trunk is dialled',
  unknown: 'anything else is pressed',
  connected: 'somebody answers',
  recording: 'after the tone',
  faxTone: 'the tone of a fax is heard',
};

type Guard = NonNullable<Transition['guard']>;

function guardText(guard: Guard, { tables }: CompiledScheme): string {
  switch (guard.type) {
    case 'when': {
      const { branch } = guard.params;
      return whenText(tables.branches.get(branch)?.when ?? 'always');
    }
    case 'lastInvalid':
    case 'lastWrongPassword':
      return `for the ${ordinal(guard.params.max)} time`;
    case 'inRegion':
      return regionName(guard.params, tables.pbx);
    default:
      return guardTexts[guard.type];
  }
}

type Worded = Exclude<keyof GuardParams, 'when' | 'lastInvalid' | 'lastWrongPassword' | 'inRegion'>;

const guardTexts: Readonly<Record<Worded, string>> = {
  nothingEntered: '',
  entryBegun: 'yes',
  endsEntry: '',
  endsFormer: '',
  isPassword: 'the right password',
  wasPassword: 'the right password',
  mayReturn: 'back to the main menu',
  mayGoOn: '',
  dialsScheme: '',
  mayGoOnDialled: '',
  dialledEmployee: 'an employee is not reached',
  wasPlayed: 'yes',
  dealtWith: 'somebody answers',
  sentToScheme: '',
  sentInEntry: 'it is sent on while the caller presses keys',
  mayGoOnSent: 'an assistant or a phone sends it on',
};

function regionName({ rules, index }: GuardParams['inRegion'], { document }: PbxVersion): string {
  return document.regionRules.find(({ id }) => id === rules)?.rules[index]?.name ?? '';
}

/** Somebody or something, by its kind and its name. */
function targetName(target: Target, pbx: PbxVersion): string {
  if ('group' in target) return `group ${quotedName(pbx.group(target.group)?.name || target.group)}`;
  if ('employee' in target) {
    const name = pbx.employee(target.employee)?.name || target.employee;
    const contact = target.contact === 'asConfigured' ? '' : ` (${target.contact})`;
    return `${name}${contact}`;
  }
  if ('scheme' in target) return `scheme ${quotedName(pbx.scheme(target.scheme)?.name || target.scheme)}`;
  if ('room' in target) return `room ${quotedName(pbx.room(target.room)?.name || target.room)}`;
  if ('trunk' in target)
    return `${target.number} by trunk ${quotedName(pbx.trunk(target.trunk)?.name || target.trunk)}`;
  if ('phone' in target) return target.phone;
  if ('sip' in target) return target.sip;
  return target.extension;
}

function audioName(id: string, { document }: PbxVersion): string {
  if (id.startsWith('builtin:')) return quotedName(id.slice('builtin:'.length).replaceAll('-', ' '));
  return quotedName(document.audio.find((one) => one.id === id)?.name || id);
}

const quotedName = (name: string): string => `«${name}»`;

/** What the first action of this kind is given. */
function paramsOf<Type extends 'trace' | 'goOn' | 'end' | 'startAudio'>(
  actions: readonly Action[] | undefined,
  type: Type,
): ActionParams[Type] | undefined {
  const found = actions?.find((action) => action.type === type);
  return found && 'params' in found ? (found.params as ActionParams[Type]) : undefined;
}
