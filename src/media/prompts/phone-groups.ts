/** Country codes of one and of two digits; all others have three (ITU-T E.164). */
const SHORT_CODES = /^(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;

/** A phone number as it is said: the groups of digits between which people pause. */
export interface PhoneGroups {
  /** «плюс», before a number in international format. */
  readonly international: boolean;
  /** Of one to three digits each. */
  readonly groups: readonly string[];
}

/**
 * Seven digits and more are an international number: the country code, then threes, and two pairs at the end, as +7 925 123-45-67. Less is an
 * extension: up to three digits at once, more in pairs. Signs are passed over.
 */
export function phoneGroups(phone: string): PhoneGroups {
  const digits = phone.replace(/\D/g, '');
  if (digits.length < 7) return { international: false, groups: digits.length <= 3 ? cut(digits, [3]) : pairs(digits) };
  const code = SHORT_CODES.exec(digits)?.[0] ?? digits.slice(0, 3);
  const rest = digits.slice(code.length);
  return { international: true, groups: [code, ...threesAndPairs(rest)] };
}

const pairs = (digits: string): string[] => cut(digits, [2 - (digits.length % 2), 2, 2]);

/** The last four digits in pairs, threes before them, and at the very beginning what is left, but no lonely digit. */
function threesAndPairs(digits: string): string[] {
  const front = digits.length - 4;
  if (front <= 0) return pairs(digits);
  const sizes = Array.from({ length: Math.floor(front / 3) }, () => 3);
  const left = front % 3;
  // 4 = 2 + 2, 7 = 2 + 2 + 3.
  if (left === 1 && sizes.length > 0) sizes.splice(0, 1, 2, 2);
  else if (left > 0) sizes.unshift(left);
  return cut(digits, [...sizes, 2, 2]);
}

function cut(digits: string, sizes: readonly number[]): string[] {
  let from = 0;
  return sizes.flatMap((size) => {
    const group = digits.slice(from, from + size);
    from += size;
    return group === '' ? [] : [group];
  });
}
