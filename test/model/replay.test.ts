import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PbxVersion } from '../../src/config/version.ts';
import { replay } from '../../src/replay/replay.ts';
import { generatedPbx, moves, play, scripts } from '../support/generated-scheme.ts';
import { recordOf } from '../support/recorded-call.ts';
import { SchemeCall } from '../support/scheme-call.ts';

const times = fc.constantFrom('2026-11-02T09:00:00Z', '2026-11-04T09:00:00Z', '2026-11-02T15:58:00Z');
const callers = fc.constantFrom('74951234567', '79161234567', undefined);
/** How late timers are, milliseconds: a key that comes meanwhile is first. */
const lateness = fc.constantFrom(0, 1, 400);

/** A call, recorded at the real boundary, stored and read. */
const recorded = fc.record({ pbx: generatedPbx, script: scripts, moves, at: times, caller: callers, lateMs: lateness });
type Recorded = typeof recorded extends fc.Arbitrary<infer T> ? T : never;

async function record({ pbx, script, moves: all, at, caller, lateMs }: Recorded) {
  const who = caller === undefined ? {} : { caller };
  const call = new SchemeCall(pbx, 'main', { script, at, lateMs, ...who });
  await play(call, all);
  await call.toEnd(100_000);
  return recordOf(pbx, call, { at, ...who });
}

/** The same document, read anew: nothing can be equal by being the same object. */
const copyOf = (pbx: PbxVersion): PbxVersion => new PbxVersion('copy', structuredClone(pbx.document), new Map());

describe('any call through any scheme', () => {
  it('takes the recorded way again, and the same on an equal version', async () => {
    const property = fc.asyncProperty(recorded, async (all) => {
      const call = await record(all);
      expect(await replay(call, { used: all.pbx })).toEqual({ call, verdict: 'same', heard: [] });
      expect(await replay(call, { used: all.pbx, other: copyOf(all.pbx) })).toEqual({
        call,
        verdict: 'same',
        heard: [],
      });
    });
    await fc.assert(property, { numRuns: 400 });
  }, 120_000);

  it('goes elsewhere from its first moment on a version that does not know its number', async () => {
    const property = fc.asyncProperty(recorded, async (all) => {
      const call = await record(all);
      const { document } = all.pbx;
      const other = new PbxVersion('refuses', { ...document, numbers: [] }, new Map());
      expect(await replay(call, { used: all.pbx, other })).toMatchObject({ verdict: 'elsewhere', diverged: { t: 0 } });
    });
    await fc.assert(property, { numRuns: 50 });
  }, 60_000);

  it('ends in a verdict on any other version', async () => {
    const property = fc.asyncProperty(recorded, generatedPbx, async (all, other) => {
      const call = await record(all);
      const found = await replay(call, { used: all.pbx, other });
      expect(['same', 'elsewhere']).toContain(found.verdict);
    });
    await fc.assert(property, { numRuns: 200 });
  }, 120_000);
});
