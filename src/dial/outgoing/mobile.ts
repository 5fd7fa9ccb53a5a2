import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** Mobile, or of a country or plan that does not tell mobile numbers from others. */
const mobile: ReadonlySet<string | undefined> = new Set(['MOBILE', 'FIXED_LINE_OR_MOBILE', undefined]);

/** Whether an SMS to this number may arrive: not where the numbering plan says that it is a fixed line, a service, or the like. @param number in international format */
export const mayBeMobile = (number: string): boolean => mobile.has(parsePhoneNumberFromString(`+${number}`)?.getType());
