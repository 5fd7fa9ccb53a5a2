import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { compileDigitMask } from '../../config/digit-mask.ts';
import type { Employee, Security } from '../../config/document.ts';
import type { PbxVersion } from '../../config/version.ts';

/** Who calls out: what is set for him. An employee, or whom the API lets call. */
export type Dialler = Pick<Employee, 'outgoing'>;

/**
 * Why a number of the telephone network may not be called; undefined: it may. Both must allow it: the PBX (`security.outgoing`, §4.6.3.1) and the
 * directions of the employee who calls (§4.4.6.1).
 *
 * @param number in international format
 * @param dialler unset: the PBX itself calls, for a scheme or a contact
 */
export function whyBarred(pbx: PbxVersion, number: string, dialler?: Dialler): string | undefined {
  const { outgoing } = pbx.document.security;
  const { country } = pbx.document.pbx;
  if (!allows(outgoing, number, country)) {
    return outgoing === 'country' ? `only numbers of ${country} may be called` : 'the direction is not allowed';
  }
  const directions = dialler?.outgoing.directions ?? 'default';
  return directions === 'default' || allows(directions, number, country)
    ? undefined
    : 'the direction is not allowed for him';
}

function allows(directions: Security['outgoing'], number: string, country: string): boolean {
  if (directions === 'all') return true;
  // A list is short, and asked once for each call.
  if (directions !== 'country') return directions.some((mask) => compileDigitMask(mask)(number));
  return parsePhoneNumberFromString(`+${number}`)?.country === country;
}
