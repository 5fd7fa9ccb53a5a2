import type { Employee } from '../../config/document.ts';
import { allowsDirection } from '../../config/numbering-plans.ts';
import type { PbxVersion } from '../../config/version.ts';

/** Who calls out: what is set for him. An employee, or whom the API lets call. */
export type Dialler = Pick<Employee, 'outgoing'>;

/** The longest emergency number has three digits, and no number of these is charged: a call for help is never refused. */
export const mayBeForHelp = (number: string): boolean => number.length <= 3;

/**
 * Why a number of the telephone network may not be called; undefined: it may. Both must allow it: the PBX (`security.outgoing`, §4.6.3.1) and the
 * directions of the employee who calls (§4.4.6.1).
 *
 * @param number in international format, or a short one of the country (`112`)
 * @param dialler unset: the PBX itself calls, for a scheme or a contact
 */
export function whyBarred(pbx: PbxVersion, number: string, dialler?: Dialler): string | undefined {
  if (mayBeForHelp(number)) return undefined;
  const { outgoing } = pbx.document.security;
  const { country } = pbx.document.pbx;
  if (!allowsDirection(outgoing, number, country)) {
    return outgoing === 'country' ? `only numbers of ${country} may be called` : 'the direction is not allowed';
  }
  const directions = dialler?.outgoing.directions ?? 'default';
  return directions === 'default' || allowsDirection(directions, number, country)
    ? undefined
    : 'the direction is not allowed for him';
}
