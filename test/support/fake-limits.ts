import type { LimitedCall, LimitedRequest, LimitReached, OutgoingLimits } from '../../src/dial/outgoing/limits.ts';

/** Limits as a test says that they are. */
export class FakeLimits implements OutgoingLimits {
  /** What the next calls meet. */
  reached: LimitReached | undefined;
  /** What was asked, as `anna 74957890000`; `- …` in nobody's name. */
  readonly asked: string[] = [];
  readonly ongoing = new Map<LimitedCall, { readonly request: LimitedRequest; talks: boolean }>();

  async begin(request: LimitedRequest): Promise<LimitedCall | { reached: LimitReached }> {
    this.asked.push(`${request.employee ?? '-'} ${request.number}`);
    if (this.reached) return { reached: this.reached };
    const state = { request, talks: false };
    const call: LimitedCall = {
      answered: () => {
        state.talks = true;
      },
      over: () => void this.ongoing.delete(call),
    };
    this.ongoing.set(call, state);
    return call;
  }

  /** The minutes of the day are used up. */
  exhaust(): void {
    for (const { request } of [...this.ongoing.values()]) request.exhausted({ limit: 'minutesPerDay', max: 1 });
  }
}
