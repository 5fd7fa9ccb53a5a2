import type { SourceFile, SourceNode } from './source.ts';

/**
 * Everything that can be said about a configuration, by code. `error`: the configuration is not taken. `warning`: it is, but probably does
 * not do what was meant. A code never changes its meaning: scripts and editors rely on it.
 */
export const issueCodes = {
  unreadable: { severity: 'error', text: 'A file or folder cannot be read' },
  'not-utf8': { severity: 'error', text: 'A file is not in UTF-8' },
  'byte-order-mark': { severity: 'error', text: 'A file starts with a byte order mark' },
  'empty-file': { severity: 'error', text: 'A file has nothing in it' },
  'json-syntax': { severity: 'error', text: 'A file is no JSON (comments are allowed)' },
  'trailing-comma': { severity: 'error', text: 'A comma stands before a closing bracket' },
  'duplicate-key': { severity: 'error', text: 'An object has the same key twice' },
  'set-twice': { severity: 'error', text: 'Two files of a PBX set the same key' },
  'no-pbx': { severity: 'error', text: 'The folder holds no PBX' },

  'unknown-key': { severity: 'error', text: 'The format has no such key here' },
  'missing-key': { severity: 'error', text: 'A key that must be there is not' },
  'not-allowed-here': { severity: 'error', text: 'The format has it, but not in this place' },
  'exactly-one-of': { severity: 'error', text: 'Exactly one of several keys must be there' },
  'wrong-type': { severity: 'error', text: 'A value has another JSON type than the key takes' },
  'bad-value': { severity: 'error', text: 'A value is none of those that the key takes' },
  'bad-format': { severity: 'error', text: 'A text has not the form that the key takes' },
  'out-of-range': { severity: 'error', text: 'A number is too small or too large' },
  'wrong-count': { severity: 'error', text: 'A list or text has too few or too many entries' },

  'duplicate-name': { severity: 'error', text: 'An id, number, extension or domain is given twice' },
  'dangling-reference': { severity: 'error', text: 'Nothing has the id or number that is referred to' },
  'removed-reference': { severity: 'error', text: 'Something was removed that is still referred to' },
  'not-callable': { severity: 'error', text: 'A scheme is called that has no extension' },
  'duplicate-account': { severity: 'error', text: 'Two accounts have the same user and domain' },
  'forward-loop': { severity: 'error', text: 'Accounts forward calls in a circle' },
  'self-reference': { severity: 'error', text: 'A thing refers to itself' },
  'trunk-peer': { severity: 'error', text: 'The two ends of an internal trunk do not name each other' },
  'audio-file': { severity: 'error', text: 'An audio file is missing, too large or in another format' },

  'unreachable-step': { severity: 'warning', text: 'A step after one that never returns' },
  'unreachable-branch': { severity: 'warning', text: 'A branch for which the branches before it leave no time' },
  'dead-menu': { severity: 'warning', text: 'A menu that the call leaves before anybody can press a key' },
  'dead-rule': { severity: 'warning', text: 'A rule that can never act' },
  'dead-end': { severity: 'warning', text: 'A place in which nothing happens but the end of the call' },
  'forward-to-nobody': { severity: 'warning', text: 'A forward to somebody whom nothing ever rings' },
  'never-matches': { severity: 'warning', text: 'A condition on time that no moment meets' },
  'past-time': { severity: 'warning', text: 'A condition on time that is over' },
  'uncovered-time': { severity: 'warning', text: 'Times that none of the branches is for' },
  'no-holiday-branch': { severity: 'warning', text: 'A scheme with working hours knows no holidays' },
  'overlapping-assistant': { severity: 'warning', text: 'Two rules of an assistant are for the same calls' },
  'key-hides-extension': {
    severity: 'warning',
    text: 'A menu key is the beginning of an extension that callers may dial',
  },
  'empty-group': { severity: 'warning', text: 'A group has no members, or none whom anything rings' },
  'duplicate-member': { severity: 'warning', text: 'A group has a member twice' },
  'unreachable-member': { severity: 'warning', text: 'A member of a group whom nothing ever rings' },
  'robot-supervisor': { severity: 'warning', text: 'A robot is to supervise a group' },
  'group-timing': { severity: 'warning', text: 'The times of a group leave its callers waiting for nobody' },
  'endless-forward': { severity: 'warning', text: 'Forwards go in a circle in which nobody can answer' },
  'overflow-circle': { severity: 'warning', text: 'Groups pass their callers on to each other in a circle' },
  'endless-menu': { severity: 'warning', text: 'A scheme begins again and again without anything to choose or hear' },
  'shadowed-rule': { severity: 'warning', text: 'A mask, prefix or rule that others before it leave nothing to' },
  'open-disa': { severity: 'warning', text: 'Callers may dial out to the telephone network without a password' },
  'paid-number': { severity: 'warning', text: 'Calls are sent to a number that costs by the minute' },
  'unused-trunk': { severity: 'warning', text: 'No number and no rule uses a trunk' },
  'unused-audio': { severity: 'warning', text: 'Nothing uses an audio' },
  'unused-group': { severity: 'warning', text: 'Nothing leads to a group' },
  'unused-region-rules': { severity: 'warning', text: 'No step forwards by a set of region rules' },
  'unused-scheme': { severity: 'warning', text: 'No number, extension or forward leads to a scheme' },
  'number-without-scheme': { severity: 'warning', text: 'Calls come to a number that has no scheme' },
  'inactive-speech': { severity: 'warning', text: 'A scheme asks for speech recognition, which needs a recogniser' },
  'not-encrypted': { severity: 'warning', text: 'Encryption is asked for that there is not' },
  'media-never-released': { severity: 'warning', text: 'Audio is to go past the server, and never will' },
  'no-mail-settings': { severity: 'warning', text: 'Somebody is to get letters, and the PBX has no mail server' },
  'no-sms-settings': { severity: 'warning', text: 'Somebody is to get SMS, and the PBX has no gateway' },
  'unknown-account': { severity: 'warning', text: 'A contact has an address in our domain that no account has' },
} as const satisfies Record<string, { severity: Severity; text: string }>;

export type Severity = 'error' | 'warning';
export type IssueCode = keyof typeof issueCodes;

/** One thing to say about a configuration, and where. */
export interface Issue {
  readonly severity: Severity;
  readonly code: IssueCode;
  /** As the folder was named on the command line, so that a terminal can open it. */
  readonly file: string;
  /** From 1. 0: the whole file. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count. 0: the whole file. */
  readonly column: number;
  /** In that file: `schemes[0].menu["1"].steps[2]`; empty: the whole file. */
  readonly path: string;
  readonly message: string;
  /** What to do, as an imperative sentence. */
  readonly hint?: string;
}

/** What is said at a place, before the place is worked out. */
export interface Remark {
  readonly code: IssueCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

export type Path = readonly (string | number)[];

export const isError = (issue: Issue): boolean => issue.severity === 'error';

/** A remark about a value; with `key`, about that key of an object (which need not exist). */
export function issueAt(node: SourceNode, { code, message, hint }: Remark, key?: string): Issue {
  const property = key !== undefined && node.kind === 'object' ? node.properties.get(key) : undefined;
  const path = key === undefined ? pathOf(node) : [...pathOf(node), key];
  return { ...place(node.file, property?.keyStart ?? node.start), path: pathText(path), ...said(code, message, hint) };
}

/** A remark about a place in a file that has no value. */
export const issueInFile = (file: SourceFile, offset: number, { code, message, hint }: Remark): Issue => ({
  ...place(file, offset),
  path: '',
  ...said(code, message, hint),
});

/** A remark about a file as a whole, which perhaps could not even be read. */
export const issueOfFile = (file: string, { code, message, hint }: Remark): Issue => ({
  file,
  line: 0,
  column: 0,
  path: '',
  ...said(code, message, hint),
});

/** `schemes/acme.json:12:5`, for messages that name a second place. */
export function placeText(node: SourceNode): string {
  const { file, line, column } = place(node.file, node.start);
  return `${file}:${line}:${column}`;
}

const place = (file: SourceFile, offset: number) => ({ file: file.name, ...file.position(offset) });

const said = (code: IssueCode, message: string, hint: string | undefined) => ({
  severity: issueCodes[code].severity,
  code,
  message,
  ...(hint === undefined ? {} : { hint }),
});

/** From the top of the value's own file, not of the merged document: that is where the reader looks. */
export function pathOf(node: SourceNode): Path {
  const path: (string | number)[] = [];
  for (let at: SourceNode | undefined = node; at?.parent; at = at.parent)
    if (at.key !== undefined) path.unshift(at.key);
  return path;
}

/** `employees[2].accounts[0].password`, `menu["1"]` */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** By file and place; of the same place, errors first. */
export const compareIssues = (a: Issue, b: Issue): number =>
  compareText(a.file, b.file) ||
  a.line - b.line ||
  a.column - b.column ||
  compareText(a.severity, b.severity) ||
  compareText(a.code, b.code) ||
  compareText(a.message, b.message);

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
