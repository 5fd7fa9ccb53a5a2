/**
 * Masks of §4.4.4: `#` = one digit or character, `*` = any run of them (`7495200*`), or a range of numbers of equal length
 * (`74952009000-74952009999`). For SIP callers the same signs in an address (`*@company.ru`).
 * @returns what is wrong with the mask, completing the sentence «"…" …»; undefined if nothing is
 */
export function digitMaskProblem(mask: string): string | undefined {
  const range = rangeOf(mask);
  if (range) {
    const { from, to } = range;
    if (from.length !== to.length)
      return 'is a range of numbers of different lengths: both must have the same number of digits';
    if (from > to) return 'is a range that ends before it starts';
    return undefined;
  }
  if (/^[\d#*]{1,32}$/.test(mask)) return undefined;
  if (/^[^\s@:]+@[^\s@:]+$/.test(mask)) return undefined;
  return 'must be digits with "#" (one digit) and "*" (any digits), a range such as "74952009000-74952009999", or a SIP address';
}

/**
 * A mask as a question to a number, or to a SIP address for a mask with `@`. Letters count alike in either case. The answer takes time in the
 * product of both lengths at most, whatever the mask.
 */
export function compileDigitMask(mask: string): (text: string) => boolean {
  const range = rangeOf(mask);
  if (range) {
    const { from, to } = range;
    return (text) => text.length === from.length && /^\d+$/.test(text) && from <= text && text <= to;
  }
  const wanted = mask.toLowerCase();
  if (!/[#*]/.test(wanted)) return (text) => text.toLowerCase() === wanted;
  return (text) => fits(wanted, text.toLowerCase());
}

function rangeOf(mask: string): { readonly from: string; readonly to: string } | undefined {
  const match = /^(\d+)\s*-\s*(\d+)$/.exec(mask);
  if (!match) return undefined;
  const [, from = '', to = ''] = match;
  return { from, to };
}

/**
 * Goes through the text once. A `*` first stands for nothing; where the mask then does not fit, the last one takes a character more. Those before it
 * never need to: what lies between two of them fits at its first place if it fits anywhere.
 */
function fits(mask: string, text: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  for (let i = 0; i < text.length; ) {
    if (mask[at] === '*') {
      star = at++;
      from = i;
    } else if (at < mask.length && (mask[at] === '#' || mask[at] === text[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++from;
    } else return false;
  }
  while (mask[at] === '*') at++;
  return at === mask.length;
}
