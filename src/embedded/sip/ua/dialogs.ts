import type { SipRequest } from '../message/index.ts';
import type { Dialog } from './dialog.ts';

/** All dialogs, found by what a request of the peer bears and by the id that applications use. */
export class Dialogs {
  readonly #byTags = new Map<string, Dialog>();
  /** Those with one id are the forks of an INVITE, the newest last. */
  readonly #byId = new Map<string, Dialog[]>();

  get size(): number {
    return this.#byTags.size;
  }

  add(dialog: Dialog): void {
    const { callId, localTag, remoteTag } = dialog.state;
    this.#byTags.set(tagsKey(callId, localTag, remoteTag), dialog);
    const forks = this.#byId.get(dialog.id);
    if (forks) forks.push(dialog);
    else this.#byId.set(dialog.id, [dialog]);
  }

  /** Takes it out of the tables; what is under way in it is the caller's affair. */
  delete(dialog: Dialog): void {
    const { callId, localTag, remoteTag } = dialog.state;
    const key = tagsKey(callId, localTag, remoteTag);
    if (this.#byTags.get(key) === dialog) this.#byTags.delete(key);
    const others = this.#byId.get(dialog.id)?.filter((fork) => fork !== dialog) ?? [];
    if (others.length > 0) this.#byId.set(dialog.id, others);
    else this.#byId.delete(dialog.id);
  }

  /** The dialog that an application means; of several forks the newest. */
  byId(id: string): Dialog | undefined {
    return this.#byId.get(id)?.at(-1);
  }

  forks(id: string): readonly Dialog[] {
    return this.#byId.get(id) ?? [];
  }

  /** An id that no other dialog has: the two legs of a call that comes back to us would have the same. */
  freeId(id: string): string {
    if (!this.#byId.has(id)) return id;
    for (let number = 2; ; number++) if (!this.#byId.has(`${id}-${number}`)) return `${id}-${number}`;
  }

  /** The dialog inside which a request from the network is, RFC 3261 §12.2.2. */
  find(request: SipRequest): Dialog | undefined {
    const localTag = request.to.params.get('tag');
    if (!localTag) return undefined;
    return this.#byTags.get(tagsKey(request.callId, localTag, request.from.params.get('tag') ?? ''));
  }

  /** Our dialog as the caller: of a response to a request of ours. */
  findOurs(callId: string, localTag: string, remoteTag: string): Dialog | undefined {
    return this.#byTags.get(tagsKey(callId, localTag, remoteTag));
  }

  [Symbol.iterator](): Iterator<Dialog> {
    return this.#byTags.values();
  }
}

/** A tag and a Call-ID hold no line end. */
const tagsKey = (callId: string, localTag: string, remoteTag: string): string => `${callId}\n${localTag}\n${remoteTag}`;
