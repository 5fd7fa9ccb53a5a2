import { createHash } from 'node:crypto';
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { TimerId } from '../../../time/clock.ts';
import type { ListenerContext } from './listener.ts';

/** RFC 6455 §1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const UPGRADE = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };

/**
 * Lets HTTP connections become WebSockets for SIP (RFC 6455 §4.2, RFC 7118 §4). Whatever else is asked for gets an answer that says what this is; who asks for nothing
 * in time is thrown out. The Origin that browsers send is not looked at: a page of any site may open a connection here, but registers and calls only by a
 * password, and we have no cookies that it could abuse.
 */
export function upgradeToSip(
  server: Server,
  connected: 'connection' | 'secureConnection',
  { clock, limits, sink }: ListenerContext,
  accept: (socket: Socket) => void,
): void {
  const waiting = new Map<Socket, TimerId>();
  const waited = (socket: Socket) => {
    clock.clearTimeout(waiting.get(socket));
    waiting.delete(socket);
  };
  const refuse = (socket: Socket, status: number, text: string, headers: Record<string, string> = {}) => {
    sink.dropped('handshake');
    // The time that the request had is the time that it has for the answer.
    if (socket.writable) socket.end(response(status, { ...headers, ...plain(text) }, text));
    else socket.destroy();
  };

  // Node's own limits go by a clock that is not ours.
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  server.on(connected, (socket: Socket) => {
    const timer = clock.setTimeout(() => {
      sink.dropped('idle');
      socket.destroy();
    }, limits.messageMs);
    waiting.set(socket, timer);
    socket.once('close', () => waited(socket));
  });
  server.on('request', (request) => {
    refuse(request.socket, 426, 'This port speaks SIP over WebSocket (RFC 7118) and nothing else.\n', UPGRADE);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'HPE_HEADER_OVERFLOW') refuse(socket, 431, 'The request is too large.\n');
    else refuse(socket, 400, 'This port speaks SIP over WebSocket (RFC 7118): begin with a HTTP request.\n');
  });
  server.on('upgrade', (request, socket: Socket, head) => {
    socket.on('error', () => undefined);
    const fault = faultOf(request);
    if (fault) return refuse(socket, fault.status, fault.text, UPGRADE);
    waited(socket);
    const key = request.headers['sec-websocket-key'] as string;
    socket.write(
      response(101, {
        ...{ Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Protocol': 'sip' },
        'Sec-WebSocket-Accept': createHash('sha1').update(`${key}${GUID}`).digest('base64'),
      }),
    );
    if (head.length > 0) socket.unshift(head);
    accept(socket);
  });
}

function faultOf({ method, headers }: IncomingMessage): { status: number; text: string } | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    return { status: 426, text: 'This port upgrades to websocket and to nothing else.\n' };
  }
  if (headers['sec-websocket-version'] !== '13') {
    return { status: 426, text: 'This server speaks version 13 of WebSocket.\n' };
  }
  if (method !== 'GET' || Buffer.from(headers['sec-websocket-key'] ?? '', 'base64').length !== 16) {
    return { status: 400, text: 'Not the handshake of a WebSocket (RFC 6455 §4.1).\n' };
  }
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (offered.includes('sip')) return undefined;
  return { status: 400, text: "Offer the WebSocket subprotocol 'sip' (RFC 7118 §4.1).\n" };
}

const plain = (text: string): Record<string, string> => ({
  ...{ Connection: 'close', 'Content-Type': 'text/plain; charset=utf-8' },
  'Content-Length': String(Buffer.byteLength(text)),
});

function response(status: number, headers: Record<string, string>, body = ''): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
}
