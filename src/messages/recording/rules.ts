import type { Recording, RecordingRule } from '../../config/schema/messages.ts';

/** What the rules look at (§4.5.3.3). */
export interface TalkFacts {
  readonly direction: 'in' | 'out' | 'internal';
  /** Numbers and addresses outside that take part. */
  readonly numbers: readonly string[];
  /** The group through which it came, or for which it was made. */
  readonly group: string | undefined;
  /** Those of ours who talk; undefined: nobody's phone. */
  readonly talkers: readonly { readonly employee: string | undefined; readonly contact: string }[];
  /** Whether an employee is a member of a group. */
  readonly isMember: (group: string, employee: string) => boolean;
}

/** That one end of a conversation is recorded. */
export interface Wanted {
  /** Which of the talkers. */
  readonly talker: number;
  /** Who gets the recording by mail. */
  readonly email: readonly string[];
  /** In words, for the log and for those who ask. */
  readonly why: string;
}

/**
 * Which ends of a conversation are recorded by themselves: one recording for each employee who is to be recorded, and where nobody of ours takes part one at the caller's end. One
 * who is excepted keeps the whole conversation from being recorded: the other's recording would have his voice.
 */
export function whoIsRecorded(settings: Recording, talk: TalkFacts): readonly Wanted[] {
  const employees = talk.talkers.flatMap(({ employee }, talker) =>
    employee === undefined ? [] : [{ employee, talker }],
  );
  if (settings.mode === 'off') return [];
  if (employees.some(({ employee }) => settings.except.includes(employee))) return [];
  const ends = employees.length > 0 ? employees.map(({ talker }) => talker) : [0];
  if (settings.mode === 'all') {
    if (!settings.directions.includes(talk.direction)) return [];
    const email = settings.email === '' ? [] : [settings.email];
    return ends.map((talker) => ({ talker, email, why: 'all conversations are recorded' }));
  }
  return ends.flatMap((talker) => {
    const matching = settings.rules.filter((rule) => matches(settings, rule, talk, talker));
    const [first] = matching;
    if (!first) return [];
    const own = matching.flatMap(({ email }) => (email === '' ? [] : [email]));
    const email = own.length > 0 ? own : settings.email === '' ? [] : [settings.email];
    return [{ talker, email: [...new Set(email)], why: textOf(first) }];
  });
}

function matches(settings: Recording, rule: RecordingRule, talk: TalkFacts, end: number): boolean {
  const directions = rule.directions.length > 0 ? rule.directions : settings.directions;
  if (!directions.includes(talk.direction)) return false;
  const talker = talk.talkers[end];
  if ('group' in rule) {
    if (talk.group !== undefined) return talk.group === rule.group;
    // "On the group and straight to its members".
    return rule.direct && talker?.employee !== undefined && talk.isMember(rule.group, talker.employee);
  }
  if (rule.direct && talk.group !== undefined) return false;
  if ('phone' in rule) return talk.numbers.includes(rule.phone);
  return talker?.employee === rule.employee && (rule.contact === undefined || rule.contact === talker.contact);
}

function textOf(rule: RecordingRule): string {
  if ('group' in rule) return `a rule for the group "${rule.group}"`;
  if ('phone' in rule) return `a rule for the number ${rule.phone}`;
  return `a rule for the employee "${rule.employee}"`;
}
