import type { SipMessage } from './message.ts';
import { headerKey } from './names.ts';

/** The message as bytes. Headers as they are, but Content-Length always says the length of the body, in bytes. */
export function printMessage(message: SipMessage): Buffer {
  const { body } = message;
  let head =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`;
  let measured = false;
  for (const [name, value] of message.headers.entries()) {
    if (headerKey(name) !== 'content-length') head += `${name}: ${value}\r\n`;
    else if (!measured) {
      head += `${name}: ${body.length}\r\n`;
      measured = true;
    }
  }
  head += measured ? '\r\n' : `Content-Length: ${body.length}\r\n\r\n`;
  return body.length === 0 ? Buffer.from(head) : Buffer.concat([Buffer.from(head), body]);
}
