import {
  parseNameAddr,
  parseUri,
  SipParseError,
  type SipRequest,
  type SipResponse,
  type SipUri,
} from '../message/index.ts';
import { type Hop, type Source, TransportError } from '../transport/index.ts';
import { cancelHeaders, labelBody } from './app-headers.ts';
import type { Application, Reply } from './application.ts';
import { attempt } from './attempt.ts';
import { buildRequest } from './build-request.ts';
import { type Core, localEnd } from './core.ts';
import { dialogId } from './dialog.ts';
import { leftFrom } from './dialog-client.ts';
import { Invitation } from './invitation.ts';
import { OutgoingRequest } from './outgoing.ts';
import { orRefuse, RefusalError } from './refusal.ts';
import { syntheticResponse } from './synthetic-response.ts';

/** What a new request leads to. */
type Outcome = Pick<Invitation, 'provisional' | 'final' | 'repeated'>;

/** Requests of applications that begin something new. */
export class Uac {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** @param proxy a URI to send to instead of the Request-URI; adds no Route */
  send(application: Application, draft: SipRequest, proxy: string, reply: Reply<SipRequest>): void {
    orRefuse(reply, () => {
      const target = targetOf(proxy || draft.uri);
      checkRequestUri(draft.uri);
      if (this.#core.outgoing.size >= this.#core.limits.outgoing) throw new RefusalError('overloaded');
      if (!labelBody(draft.headers, draft.body)) throw new RefusalError('missing-content-type');
      const flow = proxy === '' ? this.#core.flows.find(target) : undefined;
      this.#core.supervise(this.#transmit(application, draft, target, flow, reply));
    });
  }

  cancel(application: Application, id: string, draft: SipRequest, reply: Reply<SipRequest>): void {
    const outgoing = this.#core.outgoing.get(id);
    const cancel = outgoing?.application === application ? outgoing.tx.cancel(cancelHeaders(draft.headers)) : undefined;
    if (!outgoing || !cancel) return reply.refused({ code: 'nothing-to-cancel', detail: id });
    outgoing.cancelled = true;
    reply.sent({ message: cancel.request, peer: leftFrom(cancel), transactionId: cancel.id, dialogId: undefined });
  }

  /** The application is gone: nobody will take the calls that it is making. */
  detach(application: Application): void {
    for (const outgoing of this.#core.outgoing.values()) {
      if (outgoing.application !== application) continue;
      outgoing.application = undefined;
      if (outgoing.tx.cancel()) outgoing.cancelled = true;
    }
  }

  async #transmit(
    application: Application,
    draft: SipRequest,
    target: SipUri,
    flow: Hop | undefined,
    reply: Reply<SipRequest>,
  ): Promise<void> {
    const { ways } = this.#core;
    try {
      const hops = flow ? [flow] : await ways.resolve(target);
      if (hops.some(({ address, port }) => ways.isOwn({ host: address, port }))) {
        return reply.refused({ code: 'request-to-self', detail: draft.uri });
      }
      orRefuse(reply, () => this.#start(application, draft, hops, reply));
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.code === 'no-listener') reply.refused({ code: 'no-transport', detail: error.message });
      else orRefuse(reply, () => this.#unresolved(application, draft, reply));
    }
  }

  #start(application: Application, draft: SipRequest, hops: Hop[], reply: Reply<SipRequest>): void {
    const core = this.#core;
    const request = buildRequest(draft, localEnd(core.ways, hops[0]), core.clock, core.random);
    const tx = attempt(core, request, hops, {
      response: (response, source) => {
        if (!core.outgoing.has(outgoing.id)) outcome.repeated(response, source);
        else if (response.status < 200) outcome.provisional(response, source);
        else outcome.final(response, source);
      },
      failed: (why, detail) => {
        const status = why === 'transport' ? 503 : outgoing.cancelled ? 487 : 408;
        // The reason phrase tells the application, and so the one who runs it, what there is to mend: a certificate, a firewall.
        const reason = detail?.replaceAll(/\s+/g, ' ').slice(0, 200);
        outcome.final(syntheticResponse(outgoing.request, status, core.random, reason), undefined);
      },
      moved: (next) => {
        outgoing.tx = next;
      },
      wanted: () => outgoing.application !== undefined && !outgoing.cancelled,
    });
    const outgoing = new OutgoingRequest(tx.id, application, tx);
    const outcome: Outcome = makesDialog(request.method) ? new Invitation(core, outgoing) : plain(core, outgoing);
    core.outgoing.set(outgoing.id, outgoing);
    reply.sent({ message: tx.request, peer: leftFrom(tx), transactionId: outgoing.id, dialogId: undefined });
  }

  /** No such name: the application learns it as it would from the network, the request is gone and a 503 came back. */
  #unresolved(application: Application, draft: SipRequest, reply: Reply<SipRequest>): void {
    const { clock, random, ways } = this.#core;
    const request = buildRequest(draft, localEnd(ways, undefined), clock, random);
    const transactionId = random.uuid();
    const id = makesDialog(request.method) ? dialogId(request.callId, request.from.params.get('tag') ?? '') : undefined;
    reply.sent({ message: request, peer: undefined, transactionId, dialogId: undefined });
    const response = syntheticResponse(request, 503, random, 'DNS Error');
    application.onResponse({ transactionId, dialogId: id, response, source: undefined });
  }
}

/** A request that makes no dialog. */
function plain(core: Core, outgoing: OutgoingRequest): Outcome {
  const tell = (response: SipResponse, source: Source | undefined) =>
    outgoing.application?.onResponse({ transactionId: outgoing.id, dialogId: undefined, response, source });
  return {
    provisional: tell,
    final: (response, source) => {
      core.outgoing.delete(outgoing.id);
      tell(response, source);
    },
    repeated: () => undefined,
  };
}

const makesDialog = (method: string): boolean => method === 'INVITE' || method === 'SUBSCRIBE';

function checkRequestUri(text: string): void {
  try {
    if (parseUri(text).kind !== 'other') return;
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
  }
  throw new RefusalError('invalid-request-uri', text);
}

/** `sip:host`, `<sip:host;lr>`, or a mere `host:port`. */
function targetOf(text: string): SipUri {
  try {
    const uri = parseNameAddr(/^<|^sips?:|^tel:/i.test(text) ? bracketed(text) : `<sip:${text}>`).uri;
    if (uri.kind === 'sip') return uri;
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
  }
  throw new RefusalError('invalid-request-uri', text);
}

const bracketed = (text: string): string => (text.startsWith('<') ? text : `<${text}>`);
