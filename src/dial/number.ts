/**
 * A telephone number as the far end writes it, in international format without signs; undefined for what is no number (a name, an extension of
 * under five digits). `+7…` and `007…` lose their signs; in Russia `8` and ten digits become `7` and ten digits.
 *
 * @param country ISO 3166 code of the PBX
 */
export function normaliseNumber(written: string, country: string): string | undefined {
  const bare = written.replace(/[\s().-]/g, '');
  const match = /^(\+|00)?(\d{5,15})$/.exec(bare);
  const digits = match?.[2];
  if (digits === undefined) return undefined;
  if (match?.[1] === undefined && country === 'RU' && /^8\d{10}$/.test(digits)) return `7${digits.slice(1)}`;
  return digits;
}
