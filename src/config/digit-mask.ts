/**
 * Masks of §4.4.4: `#` = one digit or character, `*` = any run of them (`7495200*`), or a range of numbers of equal length
 * (`74952009000-74952009999`). For SIP callers the same signs in an address (`*@company.ru`).
 * @returns what is wrong with the mask, completing the sentence «"…" …»; undefined if nothing is
 */
export function digitMaskProblem(mask: string): string | undefined {
  const range = /^(\d+)\s*-\s*(\d+)$/.exec(mask);
  if (range) {
    const [, from = '', to = ''] = range;
    if (from.length !== to.length)
      return 'is a range of numbers of different lengths: both must have the same number of digits';
    if (from > to) return 'is a range that ends before it starts';
    return undefined;
  }
  if (/^[\d#*]{1,32}$/.test(mask)) return undefined;
  if (/^[^\s@:]+@[^\s@:]+$/.test(mask)) return undefined;
  return 'must be digits with "#" (one digit) and "*" (any digits), a range such as "74952009000-74952009999", or a SIP address';
}
