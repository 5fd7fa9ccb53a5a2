/**
 * A number as SIP brings it, in the form of the configuration: international format, 5 to 15 digits without signs. `+7…` loses its sign; in
 * Russia `8` and ten digits is the national form of `7` and ten digits. What is dialled before an international number (`810` in Russia, `00` in most
 * countries) is cut off. Separators of RFC 3966 §5.1.1 (`-`, `.`, brackets) and spaces
 * are ignored.
 * @param text the user part of a SIP or tel URI, without parameters
 * @param country of the PBX, ISO 3166-1
 * @returns undefined for what is no such number: an extension, a name, `anonymous`
 */
export function normalizePhone(text: string, country: string): string | undefined {
  const dialled = text.replace(/[-.()\s]/g, '');
  if (dialled.startsWith('+')) return phone(dialled.slice(1));
  const abroad = abroadPrefix(country);
  if (dialled.startsWith(abroad) && /^[1-9]\d{6,14}$/.test(dialled.slice(abroad.length)))
    return dialled.slice(abroad.length);
  if (country === 'RU' && /^8\d{10}$/.test(dialled)) return `7${dialled.slice(1)}`;
  return phone(dialled);
}

const phone = (digits: string): string | undefined => (/^\d{5,15}$/.test(digits) ? digits : undefined);

/** What is dialled before an international number (ITU-T operational bulletin, international prefixes). */
function abroadPrefix(country: string): string {
  if (['RU', 'BY', 'KZ', 'TM', 'UZ', 'TJ'].includes(country)) return '810';
  return ['US', 'CA'].includes(country) ? '011' : '00';
}
