import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { compileDigitMask } from './digit-mask.ts';
import type { Security } from './schema/security.ts';

/** What the numbering plans of the world say of a number. */

/** Digits of the shortest number in international format (`Phone`); what is shorter is dialled within a country. */
const SHORTEST_PHONE = 5;

/** A number of the telephone network, in international format, is in one of the directions (§4.6.3.1). @param country of the PBX */
export function allowsDirection(directions: Security['outgoing'], number: string, country: string): boolean {
  if (directions === 'all') return true;
  // A list is short, and asked once for each call.
  if (directions !== 'country') return directions.some((mask) => compileDigitMask(mask)(number));
  return number.length < SHORTEST_PHONE || parsePhoneNumberFromString(`+${number}`)?.country === country;
}

/** Whoever calls it pays by the minute, to its owner: `8-809` in Russia, `0900` in Germany. @param number in international format */
export const isPremiumRate = (number: string): boolean =>
  parsePhoneNumberFromString(`+${number}`)?.getType() === 'PREMIUM_RATE';

/** Mobile, or of a country or plan that does not tell mobile numbers from others. */
const mobile: ReadonlySet<string | undefined> = new Set(['MOBILE', 'FIXED_LINE_OR_MOBILE', undefined]);

/** Whether an SMS to this number may arrive: not where the numbering plan says that it is a fixed line, a service, or the like. @param number in international format */
export const mayBeMobile = (number: string): boolean => mobile.has(parsePhoneNumberFromString(`+${number}`)?.getType());
