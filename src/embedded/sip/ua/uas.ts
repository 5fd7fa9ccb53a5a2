import { parseUri, responseTo, type SipRequest } from '../message/index.ts';
import type { ServerTransaction } from '../transaction/index.ts';
import type { Source } from '../transport/index.ts';
import type { Unwanted } from './application.ts';
import type { Core } from './core.ts';
import type { Responder } from './responder.ts';
import { intervalTooSmall, MIN_SE } from './session-timer.ts';

/** Methods that begin something and therefore go to whichever application has asked for them. */
const BEGINS = new Set(['INVITE', 'REGISTER', 'OPTIONS', 'MESSAGE', 'INFO', 'PUBLISH', 'NOTIFY', 'SUBSCRIBE', 'REFER']);
/** Methods that mean nothing outside a dialog. */
const ONLY_INSIDE = new Set(['BYE', 'UPDATE', 'PRACK', 'CANCEL']);

/** Requests from the network outside any dialog. */
export class Uas {
  readonly #core: Core;
  readonly #responder: Responder;

  constructor(core: Core, responder: Responder) {
    this.#core = core;
    this.#responder = responder;
  }

  receive(tx: ServerTransaction): void {
    const { request, source } = tx;
    const unwanted = this.#examine(request);
    if (unwanted) return this.#refuse(tx, unwanted);
    const application = this.#core.applications.choose(request);
    if ('status' in application) return this.#refuse(tx, application);
    const incoming = this.#responder.accept(tx, application);
    application.onRequest({ transactionId: incoming.id, dialogId: undefined, request, source });
  }

  /** The caller gave up, RFC 3261 §9.2. The 487 bears the tag of the responses before it. */
  cancelled(invite: ServerTransaction, cancel: SipRequest, source: Source): void {
    const incoming = this.#responder.find(invite.id);
    if (!incoming) return;
    const { application, dialog, id } = incoming;
    this.#responder.end(incoming, 487);
    application.onRequest({ transactionId: id, dialogId: dialog?.id, request: cancel, source });
  }

  #examine(request: SipRequest): Unwanted | undefined {
    const { method } = request;
    if (ONLY_INSIDE.has(method)) return this.#unknownDialog();
    if (request.to.params.has('tag') && !this.#isEarlyNotify(request)) return this.#unknownDialog();
    if (!BEGINS.has(method)) return { status: 501 };
    if (parseUri(request.uri).kind === 'other') return { status: 416 };
    if (method === 'REGISTER') return registerFault(request);
    if (intervalTooSmall(request)) return { status: 422, headers: [['Min-SE', String(MIN_SE)]] };
    const full = this.#core.dialogs.size + this.#responder.size >= this.#core.limits.dialogs;
    return full && (method === 'INVITE' || method === 'SUBSCRIBE') ? { status: 503 } : undefined;
  }

  /** A NOTIFY may overtake the 2xx to its SUBSCRIBE, RFC 6665 §4.4.1. */
  #isEarlyNotify(request: SipRequest): boolean {
    if (request.method !== 'NOTIFY') return false;
    for (const { request: ours } of this.#core.outgoing.values()) {
      const answers = ours.callId === request.callId && ours.from.params.get('tag') === request.to.params.get('tag');
      if (answers && ours.method === 'SUBSCRIBE') return true;
    }
    return false;
  }

  #unknownDialog(): Unwanted {
    this.#core.counters.unknownDialog++;
    return { status: 481 };
  }

  #refuse(tx: ServerTransaction, { status, ...parts }: Unwanted): void {
    const response = responseTo(tx.request, status, { toTag: tx.toTag, ...parts });
    // A peer that cannot be answered will ask again or give up.
    tx.respond(response).catch(() => undefined);
  }
}

/** RFC 3261 §10.3: `*` stands alone, and only where everything is removed. */
function registerFault(request: SipRequest): Unwanted | undefined {
  const contacts = request.headers.all('Contact');
  const valid = !contacts.includes('*') || (contacts.length === 1 && request.headers.get('Expires') === '0');
  return valid ? undefined : { status: 400, reason: 'Contact * needs Expires 0' };
}
