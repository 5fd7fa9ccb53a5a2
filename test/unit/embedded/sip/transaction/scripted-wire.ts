import {
  parseMessage,
  responseTo,
  type SipMessage,
  SipParseError,
  type SipRequest,
  type SipResponse,
} from '../../../../../src/embedded/sip/message/index.ts';
import type { Wire } from '../../../../../src/embedded/sip/transaction/types.ts';
import { TransportError } from '../../../../../src/embedded/sip/transport/errors.ts';
import type { Hop, LocalEnd, Source, TransportEvents } from '../../../../../src/embedded/sip/transport/types.ts';
import { Emitter } from '../../../../../src/emitter.ts';
import type { Clock } from '../../../../../src/time/clock.ts';

export interface Sent {
  readonly at: number;
  readonly message: SipMessage;
  readonly hop: Hop;
}

/** A network of which the test decides every packet. */
export class ScriptedWire extends Emitter<TransportEvents> implements Wire {
  readonly sent: Sent[] = [];
  /** Set to make every send fail. */
  broken: string | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  localFor(hop: Hop): LocalEnd {
    return { protocol: hop.protocol, address: '127.0.0.1', host: '127.0.0.1', port: 5060 };
  }

  async send(bytes: Buffer, hop: Hop): Promise<LocalEnd> {
    if (this.broken !== undefined) throw new TransportError('unreachable', this.broken);
    this.sent.push({ at: this.#clock.monotonic(), message: parseMessage(bytes), hop });
    return this.localFor(hop);
  }

  sendResponse(bytes: Buffer, source: Source): Promise<LocalEnd> {
    return this.send(bytes, source);
  }

  isOwn(via: { host: string; port: number | undefined }): boolean {
    return via.host === '127.0.0.1' && via.port === 5060;
  }

  /** As if it had come from the network. */
  deliver(message: SipMessage | string, source: Source = peer()): void {
    try {
      const parsed = typeof message === 'string' ? parseMessage(Buffer.from(message)) : message;
      this.emit('message', { message: parsed, source });
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.emit('malformed', { error, source });
    }
  }

  /** Answers the last request sent with this method. */
  answer(method: string, status: number, toTag = 'remote'): SipResponse {
    const request = this.requests(method).at(-1);
    if (!request) throw new Error(`no ${method} was sent`);
    const response = responseTo(request, status, { toTag });
    this.deliver(response);
    return response;
  }

  requests(method?: string): SipRequest[] {
    return this.sent.flatMap(({ message }) =>
      message.kind === 'request' && (method === undefined || message.method === method) ? message : [],
    );
  }

  responses(): SipResponse[] {
    return this.sent.flatMap(({ message }) => (message.kind === 'response' ? message : []));
  }

  /** `0 INVITE`, `500 200 INVITE`: what was sent, with its millisecond. */
  log(): string[] {
    return this.sent.map(({ at, message }) =>
      message.kind === 'request' ? `${at} ${message.method}` : `${at} ${message.status} ${message.cseq.method}`,
    );
  }
}

export const peer = (overrides: Partial<Source> = {}): Source => ({
  protocol: 'udp',
  address: '127.0.0.2',
  port: 5062,
  localAddress: '127.0.0.1',
  localPort: 5060,
  ...overrides,
});

export interface RequestParts {
  readonly method?: string;
  readonly uri?: string;
  readonly branch?: string;
  readonly toTag?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly via?: string;
  readonly body?: string;
}

/** The text of a request from the peer. */
export function requestText(parts: RequestParts = {}): string {
  const { method = 'INVITE', uri = 'sip:100@127.0.0.1', branch = 'z9hG4bK-1', callId = 'call-1', cseq = 1 } = parts;
  const to = parts.toTag === undefined ? '<sip:100@127.0.0.1>' : `<sip:100@127.0.0.1>;tag=${parts.toTag}`;
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: ${parts.via ?? `SIP/2.0/UDP 127.0.0.2:5062;branch=${branch}`}`,
    'From: <sip:200@127.0.0.2>;tag=caller',
    `To: ${to}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method === 'ACK' ? 'ACK' : method}`,
    'Max-Forwards: 70',
    '',
    parts.body ?? '',
  ].join('\r\n');
}
