import type { SipResponse } from '../message/index.ts';
import type { Dialog } from './dialog.ts';

/**
 * Whether an application should see a provisional response: not when it is a reliable one that came before, or one that overtook
 * another, which will be repeated (RFC 3262 §4). Notes that a PRACK is due.
 */
export function isNewReliable(dialog: Dialog, response: SipResponse): boolean {
  const text = response.headers.get('RSeq');
  if (text === undefined) return true;
  const rseq = Number(text);
  if (!/^\d{1,10}$/.test(text) || (dialog.rseq !== undefined && rseq !== dialog.rseq + 1)) return false;
  dialog.rseq = rseq;
  dialog.unpracked = { rseq, cseq: response.cseq.number };
  return true;
}
