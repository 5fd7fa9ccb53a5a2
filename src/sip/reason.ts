import { oneLine } from './header-fields.ts';
import { quote, splitList, unquote } from './message.ts';
import type { Reason } from './port.ts';

/** RFC 3326. */
export const printReason = ({ protocol, cause, text }: Reason): string =>
  `${protocol};cause=${cause}${text === undefined ? '' : `;text=${quote(oneLine(text))}`}`;

/** What a Reason header says to people: its text, else the value as it came. First value only. */
export function reasonText(header: string | undefined): string | undefined {
  const first = header === undefined ? undefined : splitList(header)[0];
  const text = first && /;\s*text\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]+)/i.exec(first)?.[1];
  return text === undefined ? first : unquote(text);
}
