import { SipParseError } from './parse-error.ts';

export interface CSeq {
  /** 0 … 2³¹−1, RFC 3261 §8.1.1.5. */
  readonly number: number;
  readonly method: string;
}

/** @throws SipParseError 400 */
export function parseCSeq(text: string): CSeq {
  const space = text.search(/[ \t]/);
  const digits = text.slice(0, Math.max(0, space));
  const method = text.slice(space + 1).trim();
  const number = /^\d{1,20}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(number < 2 ** 31) || method === '') throw new SipParseError(400, 'Malformed CSeq');
  return { number, method };
}

export const printCSeq = (cseq: CSeq): string => `${cseq.number} ${cseq.method}`;
