import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { failureBody, HttpFailure } from './failure.ts';

/** Answers what is no HTTP, or comes too slowly, and closes the connection. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  // The client is gone: nobody would read it.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const failure = failures[error.code ?? ''] ?? notHttp;
  const body = JSON.stringify(failureBody(failure));
  socket.end(
    `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const notHttp = new HttpFailure(400, { code: 'bad-http', message: 'The request is no HTTP/1.1' });

const failures: Readonly<Record<string, HttpFailure>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new HttpFailure(408, { code: 'too-slow', message: 'The request took too long to arrive' }),
  HPE_HEADER_OVERFLOW: new HttpFailure(431, {
    code: 'headers-too-large',
    message: 'The header fields of the request are too large',
  }),
};
