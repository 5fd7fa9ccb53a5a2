import { errorText } from '../../errors.ts';
import type { Delivery, Verdict } from '../courier.ts';

/** What nodemailer says of a message that went out, for some at least. */
export interface SmtpResult {
  readonly rejectedErrors?: readonly SmtpError[] | undefined;
}

/** An error of nodemailer; `command` is the part of the dialogue in which it came. */
export interface SmtpError extends Error {
  readonly code?: string | undefined;
  readonly command?: string | undefined;
  /** Of the server, RFC 5321 §4.2. */
  readonly responseCode?: number | undefined;
  readonly response?: string | undefined;
  readonly recipient?: string | undefined;
  readonly rejectedErrors?: readonly SmtpError[] | undefined;
}

/** The message went out: to all but those whom the server named. */
export function ofResult(to: readonly string[], { rejectedErrors = [] }: SmtpResult): Map<string, Verdict> {
  const verdicts = ofRecipients(rejectedErrors);
  for (const one of to) if (!verdicts.has(one)) verdicts.set(one, { state: 'sent' });
  return verdicts;
}

/**
 * The message did not go out at all. A reply to a recipient is about him, one to the message about all of them; what comes before either is about the server, its
 * password or our sender, and the next letter would meet the same.
 *
 * 4xx passes, 5xx does not (RFC 5321 §4.2.1); but 421 says that the server closes, whatever it was asked.
 */
export function ofError(to: readonly string[], error: SmtpError): Delivery {
  const { command = '', responseCode, rejectedErrors } = error;
  const isClosing = responseCode === 421;
  if (command === 'RCPT TO' && rejectedErrors && !isClosing) {
    return { kind: 'tried', verdicts: ofRecipients(rejectedErrors) };
  }
  if (command === 'DATA' && responseCode !== undefined && !isClosing) {
    return { kind: 'tried', verdicts: new Map(to.map((one) => [one, verdict(error)])) };
  }
  return { kind: 'away', why: `${placeOf(error)}: ${said(error)}` };
}

/** The server says that the message is too large (RFC 1870 §6.3; RFC 3463, 5.3.4). */
export const isTooLarge = ({ command, responseCode, response = '' }: SmtpError): boolean =>
  command === 'DATA' && (responseCode === 552 || /\b5\.3\.4\b/.test(response));

const ofRecipients = (errors: readonly SmtpError[]): Map<string, Verdict> =>
  new Map(errors.flatMap((error) => (error.recipient === undefined ? [] : [[error.recipient, verdict(error)]])));

function verdict(error: SmtpError): Verdict {
  const why = `the mail server said: ${said(error)}`;
  return { state: (error.responseCode ?? 0) >= 500 ? 'refused' : 'later', why };
}

function placeOf({ code, command = '', message }: SmtpError): string {
  if (code === 'EAUTH') return 'the mail server does not accept user and password of "mail.smtp"';
  if (command === 'MAIL FROM') return 'the mail server does not accept the sender of "mail.from"';
  // Of a connection that was there; one that was never made says more.
  if (code === 'ETIMEDOUT' && message === 'Timeout') return 'the mail server fell silent in the middle of a letter';
  return 'the mail server cannot be reached';
}

/** One line, not endless: a server may say anything. */
const said = (error: SmtpError): string =>
  (error.response ?? errorText(error)).replaceAll(/\s+/g, ' ').trim().slice(0, 300);
