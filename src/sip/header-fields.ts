import type { HeaderFields } from './port.ts';

/**
 * Header values as text on one line: whatever would end the line (and so start a header of the writer's choice) becomes a space, other
 * control characters too. Every value that leaves this folder goes through here.
 */
export const oneLine = (value: string): string => (CONTROL.test(value) ? value.replace(CONTROLS, ' ') : value).trim();

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x1f\x7f\u0085\u2028\u2029]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x1f\x7f\u0085\u2028\u2029]+/g;

/**
 * Header fields as drachtio-srf takes them: one string for a name. It would join several values with commas, which some headers do not allow
 * (RFC 3261 §7.3.1: WWW-Authenticate), so a list becomes lines of its own, the only place where a line end is written on purpose.
 * @throws RangeError for a name that is no token
 */
export function headerLines(fields: HeaderFields | undefined): Record<string, string> {
  const lines: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (!TOKEN.test(name)) throw new RangeError(`"${oneLine(name)}" is no header name`);
    const values = (typeof value === 'string' ? [value] : value).map(oneLine);
    if (values.length > 0) lines[name] = values.join(`\r\n${name}: `);
  }
  return lines;
}

const TOKEN = /^[\w\-.!%*+`'~]+$/;
