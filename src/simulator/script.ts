import { nearest, quoted } from '../config/words.ts';
import { UserError } from '../errors.ts';

/** One thing that the caller does. */
export type Command =
  | { readonly do: 'press'; readonly keys: string }
  /** Seconds of his time. */
  | { readonly do: 'wait'; readonly seconds: number }
  /** Lets the calling tone of a fax machine be heard. */
  | { readonly do: 'fax' }
  | { readonly do: 'hangup' };

const verbs = ['press', 'wait', 'fax', 'hangup'] as const;

/**
 * Reads a script of the caller: `press 1 2 #; wait 20; hangup`.
 * @throws UserError `script` that names the command and its place
 */
export function parseScript(text: string): readonly Command[] {
  const parts = text.split(';').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  const commands = parts.map((part, index) => parseCommand(part, index + 1));
  const end = commands.findIndex((command) => command.do === 'hangup');
  if (end >= 0 && end < commands.length - 1) {
    throw wrong(end + 2, parts[end + 1] ?? '', 'the caller has hung up by then', 'Let "hangup" be the last command.');
  }
  return commands;
}

function parseCommand(part: string, place: number): Command {
  const [verb = '', ...rest] = part.split(/\s+/);
  const argument = rest.join(' ');
  switch (verb) {
    case 'press': {
      const keys = rest.join('');
      if (keys === '') throw wrong(place, part, 'it names no key', 'Write the keys behind it: "press 1 2 #".');
      const other = /[^0-9*#]/.exec(keys);
      if (other) throw wrong(place, part, `"${other[0]}" is no key`, 'Keys are 0 to 9, * and #.');
      return { do: 'press', keys };
    }
    case 'wait': {
      if (!/^\d+(\.\d+)?$/.test(argument)) throw wrong(place, part, 'it says no number of seconds', 'Write "wait 20".');
      return { do: 'wait', seconds: Number(argument) };
    }
    case 'fax':
    case 'hangup':
      if (argument !== '') throw wrong(place, part, `"${verb}" takes nothing behind it`, 'Separate commands by ";".');
      return { do: verb };
    default: {
      const near = nearest(verb, verbs);
      const what = verb === '' ? 'it is empty' : `"${verb}" is not something that a caller does`;
      throw wrong(place, part, what, near ? `Did you mean "${near}"?` : `He may ${quoted(verbs)}.`);
    }
  }
}

const wrong = (place: number, part: string, what: string, hint: string): UserError =>
  new UserError('script', `--do, command ${place} ("${part}"): ${what}`, hint);
