import { z } from 'zod';
import { digitMaskProblem } from '../digit-mask.ts';
import { ipRangeProblem } from '../ip-range.ts';
import { parseRegexMask, parseSubstitution } from '../regex-mask.ts';
import { choice } from './choice.ts';
import { declares, refersTo } from './roles.ts';

/** The values that the format uses everywhere. Every format says what is right, in the words that the admin will read. */

/** Types of a loaded document are read-only all the way down: calls in progress hold on to it. */
export type Immutable<T> = T extends (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;

/** Text that must match a pattern. @param rule completes the sentence «… must be …» */
const text = (pattern: RegExp, rule: string) => z.string().regex(pattern, { error: `must be ${rule}` });

/** Text with a check that no pattern can make. @param problem what is wrong, or undefined */
const checkedText = (problem: (value: string) => string | undefined) =>
  z.string().check((payload) => {
    const message = problem(payload.value);
    if (message)
      payload.issues.push({
        code: 'custom',
        message,
        params: { code: 'bad-format' },
        input: payload.value,
        continue: true,
      });
  });

/** The name of a thing in the document. Letters of any alphabet; no `:` (built-in audio), `/` (paths), `@` (addresses), spaces. */
export const Id = text(
  /^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,63}$/u,
  'an id: up to 64 letters, digits, "-", "_" or ".", with a letter or digit first',
);

/** Stands in URLs and Redis keys, therefore ASCII. */
export const PbxId = declares(
  'pbx',
  text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'a PBX id: up to 63 Latin letters, digits, "-" or "_"'),
);

export const Text = z.string();
/** Something to show to people. */
export const Name = text(/\S/, 'a name: some text');

/** Digits in international format without signs. */
export const Phone = text(
  /^\d{5,15}$/,
  'a phone number in international format: 5 to 15 digits without signs, such as "74951234567"',
);

/** A line of this PBX, as a caller id. */
export const OwnNumber = refersTo('number', Phone);

const emailPattern = /^[^\s@<>,;"]+@[^\s@<>,;".]+(\.[^\s@<>,;".]+)*$/u;
export const Email = text(emailPattern, 'an e-mail address, such as "ivanov@acme.example"');
export const Emails = z.array(Email);

/** As the page writes unset keys: `""`. The same as leaving the key out. */
export const orEmpty = <S extends z.ZodType<string, string>>(schema: S) =>
  choice([z.literal(''), schema], (value) => (value === '' ? 0 : 1));

export const seconds = (min: number, max: number) => z.int().min(min).max(max);
/** No ring, wait or record of more than a day is meant. */
export const Seconds = seconds(0, 86_400);
export const count = (min: number, max: number = Number.MAX_SAFE_INTEGER) => z.int().min(min).max(max);

export const AudioId = refersTo(
  'audio',
  text(
    /^(builtin:)?[\p{L}\p{N}][\p{L}\p{N}_.-]*$/u,
    'the id of an entry of "audio", or "builtin:" and the name of a built-in prompt',
  ),
);
export type AudioId = string;

/** A built-in prompt by its name in `media/prompts`. */
export const builtin = (name: string) => `builtin:${name}`;

/** Short numbers: `min` to `max` digits. */
export const extension = (min: number, max: number) =>
  text(new RegExp(`^\\d{${min},${max}}$`), `an extension: ${min} to ${max} digits`);
/** The short number of a thing that can be called: one plan for employees, groups, schemes and rooms. */
export const ownExtension = (min: number, max: number) => declares('extension', extension(min, max));

const host = String.raw`(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)*|\[[0-9A-Fa-f:.]+\])`;
const userPart = String.raw`[^\s@:;<>"]+`;

export const Domain = text(new RegExp(`^${host}$`, 'u'), 'a domain name, such as "acme.example"');
export const Host = text(new RegExp(`^(?:${host}|[0-9A-Fa-f:]+:[0-9A-Fa-f:.]*)$`, 'u'), 'a host name or an IP address');
export const HostPort = text(
  new RegExp(`^${host}(?::\\d{1,5})?$`, 'u'),
  'a host name or an IP address, with ":port" if need be',
);
/** `user@domain`, without `sip:`. */
export const SipAddress = text(
  new RegExp(`^${userPart}@${host}$`, 'u'),
  'a SIP address without "sip:", such as "ivanov@acme.example"',
);

export const Port = count(0, 65_535);
/** `5060; 5070-5080` (§5.3.1.1). */
export const Ports = text(
  /^\s*\d{1,5}(\s*-\s*\d{1,5})?(\s*[;,]\s*\d{1,5}(\s*-\s*\d{1,5})?)*\s*$/,
  'ports and ranges of ports, such as "5060; 5070-5080"',
);

export const Transport = z.enum(['udp', 'tcp', 'tls']);

/** `#` = one digit or character, `*` = any run of them, or a range of numbers of equal length (§4.4.4). */
export const Mask = checkedText(digitMaskProblem);

export const RegexMask = checkedText((value) => {
  const parsed = parseRegexMask(value);
  return parsed.ok ? undefined : `is no mask: ${parsed.problem}`;
});

export const Substitution = checkedText((value) =>
  parseSubstitution(value) ? undefined : 'must be made of digits, "+" and "$1" to "$9", such as "+33$1\\77"',
);

export const IpRange = checkedText(ipRangeProblem);

/** A zone that the runtime knows, such as `Europe/Moscow`. */
export const TimeZone = checkedText((value) =>
  isTimeZone(value) ? undefined : 'must be a time zone of the IANA list, such as "Europe/Moscow"',
);

const knownZones = new Map<string, boolean>();

function isTimeZone(name: string): boolean {
  const known = knownZones.get(name);
  if (known !== undefined) return known;
  const valid = zoneExists(name);
  if (knownZones.size < 1000) knownZones.set(name, valid);
  return valid;
}

function zoneExists(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // RangeError is how Intl says no
  }
}

/** ISO 3166-1 alpha-2. */
export const Country = text(/^[A-Z]{2}$/, 'a country by its two-letter code, such as "RU"');

/** A calendar date that exists. */
export const IsoDate = checkedText((value) =>
  isDate(value) ? undefined : 'must be a date that exists, written as "2026-12-31"',
);

export function isDate(value: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (!match) return false;
  const date = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === value;
}

export const HttpUrl = checkedText((value) =>
  /^https?:$/.test(protocolOf(value)) ? undefined : 'must be an address that starts with "http://" or "https://"',
);
export const SmtpUrl = checkedText((value) =>
  /^smtps?:$/.test(protocolOf(value))
    ? undefined
    : 'must be an address such as "smtp://user:password@mail.acme.example:587"',
);

const protocolOf = (value: string): string => URL.parse(value)?.protocol ?? '';
