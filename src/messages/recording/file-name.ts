import type { PbxVersion } from '../../config/version.ts';
import { Zone } from '../../time/zone.ts';
import type { Recorded } from './recorded.ts';

/**
 * What a recording is called when it is saved, as §4.5.3.4 shows it: date, time, who called, whom he talked to; employees by their names. `2021.03.30__10-33-20__Иванов__74951234567.mp3`
 */
export function downloadName(
  pbx: PbxVersion,
  { start, from, to, employee, other, direction, format }: Recorded,
): string {
  const wall = new Date(Zone.of(pbx.document.pbx.timezone).wallAt(start)).toISOString();
  const date = wall.slice(0, 10).replaceAll('-', '.');
  const time = wall.slice(11, 19).replaceAll(':', '-');
  const own = employee === null ? undefined : pbx.employee(employee)?.name;
  const theirs = pbx.employee(other)?.name ?? other;
  const [caller, callee] =
    direction === 'in' ? [from, own ?? to] : direction === 'out' ? [own ?? from, theirs] : [own ?? from, theirs];
  return `${[date, time, ...[caller, callee].map(plain)].filter((part) => part !== '').join('__')}.${format}`;
}

/** Nothing that file systems, or readers of mail, take for something else. */
const plain = (part: string): string =>
  part
    .replace(/[\p{Cc}/\\:*?"<>|]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^\.+/, '')
    .slice(0, 60);
