import { createHmac } from 'node:crypto';
import type { Random } from '../../../time/random.ts';
import { parseNameAddr, printHostPort, SipParseError, type SipRequest } from '../message/index.ts';
import { type LocalEnd, uriTransport } from '../transport/index.ts';
import type { Ways } from './core.ts';

/**
 * Our Record-Route and Path entries. Each bears a seal over the Call-ID, so that only requests of a dialog which an application let us
 * proxy are forwarded by their Route; without it anyone could send through us to anyone.
 */
export class RecordRoutes {
  readonly #key: string;
  readonly #ways: Ways;

  constructor(random: Random, ways: Ways) {
    this.#key = random.hex(16);
    this.#ways = ways;
  }

  /** One entry, or two where the request changes the protocol on its way (RFC 5658). */
  record(request: SipRequest, from: LocalEnd, to: LocalEnd): void {
    const upstream = this.#entry(request.callId, from);
    const downstream = this.#entry(request.callId, to);
    request.headers.prepend('Record-Route', upstream);
    if (downstream !== upstream) request.headers.prepend('Record-Route', downstream);
  }

  path(request: SipRequest, end: LocalEnd): void {
    request.headers.prepend('Path', this.#entry(request.callId, end));
  }

  /** Takes our entries off the top of the Route. @returns whether there was one with the seal of this call */
  strip(request: SipRequest): boolean {
    let sealed = false;
    for (let route = request.headers.get('Route'); route !== undefined; route = request.headers.get('Route')) {
      const mine = this.#read(route, request.callId);
      if (!mine) break;
      sealed ||= mine === 'sealed';
      request.headers.removeFirst('Route');
    }
    return sealed;
  }

  /** Whether a request is on its way through us. */
  passesThrough(request: SipRequest): boolean {
    const route = request.headers.get('Route');
    return route !== undefined && this.#read(route, request.callId) === 'sealed';
  }

  #entry(callId: string, { protocol, host, port }: LocalEnd): string {
    const transport = protocol === 'udp' ? '' : `;transport=${uriTransport(protocol)}`;
    return `<sip:${printHostPort(host, port)}${transport};lr;seal=${this.#seal(callId)}>`;
  }

  #read(route: string, callId: string): 'sealed' | 'own' | undefined {
    try {
      const { uri } = parseNameAddr(route);
      if (uri.kind !== 'sip' || !this.#ways.isOwn(uri)) return undefined;
      return uri.params.get('seal') === this.#seal(callId) ? 'sealed' : 'own';
    } catch (error) {
      if (error instanceof SipParseError) return undefined;
      throw error;
    }
  }

  #seal(callId: string): string {
    return createHmac('sha256', this.#key).update(callId).digest('hex').slice(0, 16);
  }
}
