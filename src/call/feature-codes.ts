import type { EndReason } from '../end-reason.ts';
import type { Call } from './call.ts';

/** What an employee may dial to be offered calls by his groups, or not: codes as docs/configuration.md lists them. */
const codes = { '*50': 'offline', '*51': 'online', '*52': 'break' } as const;

export type DialledStatus = (typeof codes)[keyof typeof codes];

/** The status that a code sets; undefined: it is none of these codes. */
export const statusDialled = (dialled: string): DialledStatus | undefined =>
  Object.hasOwn(codes, dialled) ? codes[dialled as keyof typeof codes] : undefined;

/** What opens a mailbox: the one of whose phone it is, or the one whose extension and PIN are entered then. */
const mailboxCodes = { '*97': 'own', '*98': 'entered' } as const;

export type DialledMailbox = (typeof mailboxCodes)[keyof typeof mailboxCodes];

/** Which mailbox a code opens; undefined: it is none of these codes. */
export const mailboxDialled = (dialled: string): DialledMailbox | undefined =>
  Object.hasOwn(mailboxCodes, dialled) ? mailboxCodes[dialled as keyof typeof mailboxCodes] : undefined;

/** Where statuses are set: the ACD. */
export interface Statuses {
  /** Rejects when it cannot be set now. */
  set(pbx: string, employee: string, status: DialledStatus): Promise<unknown>;
}

/** Sets the caller's status and says so. @returns why the call ends */
export async function setStatus(call: Call, employee: string, status: DialledStatus): Promise<EndReason> {
  const { services, pbx, caller, log } = call;
  try {
    await services.statuses.set(pbx.id, employee, status);
    log.info({ employee, status }, 'status set from the phone');
  } catch (error) {
    log.warn({ err: error, employee, status }, 'the status could not be set');
    await call.audio.play('builtin:error-tone', caller.gone);
    return 'serviceUnavailable';
  }
  await call.audio.play('builtin:thank-you', caller.gone);
  return 'normal';
}
