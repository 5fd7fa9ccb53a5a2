import type {
  HeardMessage,
  Inbox,
  MessageDraft,
  MessageEnd,
  MessageFacts,
  VoiceMessages,
} from '../../src/messages/voicemail/port.ts';

/** A store of voice messages made of lists: the test looks at what was begun, and says what there is to hear. */
export class FakeMessages implements VoiceMessages {
  readonly drafts: FakeDraft[] = [];
  /** By employee. */
  readonly inboxes = new Map<string, { fresh: HeardMessage[]; saved: HeardMessage[] }>();
  /** What was done to messages, as `read m1`. */
  readonly done: string[] = [];
  /** What the next `begin`s, or questions, fail with. */
  fails: Error | undefined;

  async begin(facts: MessageFacts): Promise<MessageDraft> {
    if (this.fails) throw this.fails;
    const draft = new FakeDraft(`m${this.drafts.length}`, facts);
    this.drafts.push(draft);
    return draft;
  }

  async inbox(_pbx: string, employee: string): Promise<Inbox> {
    if (this.fails) throw this.fails;
    return this.inboxes.get(employee) ?? { fresh: [], saved: [] };
  }

  async markRead(_pbx: string, id: string, read: boolean): Promise<void> {
    if (this.fails) throw this.fails;
    this.done.push(`${read ? 'read' : 'unread'} ${id}`);
  }

  async remove(_pbx: string, id: string): Promise<void> {
    if (this.fails) throw this.fails;
    this.done.push(`remove ${id}`);
  }
}

export class FakeDraft implements MessageDraft {
  readonly id: string;
  readonly facts: MessageFacts;
  readonly file: string;
  end: MessageEnd | 'dropped' | undefined;
  /** What `finish` answers; else by its length. */
  outcome: 'kept' | 'tooShort' | 'failed' | undefined;

  constructor(id: string, facts: MessageFacts) {
    this.id = id;
    this.facts = facts;
    this.file = `/messages/${id}.wav`;
  }

  async finish(end: MessageEnd): Promise<'kept' | 'tooShort' | 'failed'> {
    this.end = end;
    return this.outcome ?? ((end.speechMs ?? 0) < 1000 ? 'tooShort' : 'kept');
  }

  async drop(): Promise<void> {
    this.end = 'dropped';
  }
}
