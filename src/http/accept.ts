/**
 * Whether a client would rather have `wanted` than `usual` (RFC 9110 §12.5.1). Only a media type that it names counts: a browser's wildcards leave us the
 * choice.
 */
export function prefers(accept: string | undefined, wanted: string, usual: string): boolean {
  const ranges = (accept ?? '').split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return { type, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
  });
  const weightOf = (type: string) => ranges.find((range) => range.type === type)?.weight ?? 0;
  return weightOf(wanted) > 0 && weightOf(wanted) >= weightOf(usual);
}
