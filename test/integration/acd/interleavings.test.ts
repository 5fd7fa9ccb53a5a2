import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomPbx } from '../../support/acd/random-pbx.ts';
import { World, type WorldFigures } from '../../support/acd/world.ts';
import { somePbx, startTestRedis, type TestRedis } from '../../support/redis.ts';

/**
 * `npm run soak:acd` runs this file with 120,000 scripts, ACD_FROM=n with other stories; ACD_SEED=n runs one story alone, ACD_TRACE=1 prints its scripts. A failure names the seed, and the same
 * seed is the same story.
 */
const scripts = Number(process.env.ACD_SCRIPTS ?? 3000);
const onlySeed = process.env.ACD_SEED === undefined ? undefined : Number(process.env.ACD_SEED);
/** Of one story. */
const scriptsOfStory = 1500;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

async function story(seed: number): Promise<WorldFigures> {
  const connection = await redis.connect();
  const id = somePbx();
  const versions = [randomPbx(id, seed, 0), randomPbx(id, seed, 1)] as const;
  const world = await World.open({ redis: connection, versions, seed, nodes: 3 });
  try {
    while (world.figures.scripts < scriptsOfStory) {
      await world.run(150);
      await world.quiet();
    }
    await world.finish();
  } catch (error) {
    throw new Error(`ACD_SEED=${seed}, after ${world.figures.scripts} scripts: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    await world.close();
  }
  return world.figures;
}

describe('three nodes, agents and callers in any order, with deaths and losses', () => {
  it('no caller is lost or connected twice, no agent is offered two calls, and every choice is that of the reference', {
    timeout: 3_600_000,
  }, async () => {
    const sum: WorldFigures = { scripts: 0, callers: 0, connected: 0, deaths: 0, losses: 0, syncs: 0, events: 0 };
    let seed = onlySeed ?? Number(process.env.ACD_FROM ?? 1);
    do {
      const figures = await story(seed++);
      for (const [name, value] of Object.entries(figures)) sum[name as keyof WorldFigures] += value;
    } while (onlySeed === undefined && sum.scripts < scripts);
    if (scripts >= 20_000 || onlySeed) console.log(JSON.stringify(sum));
    // It was about something.
    expect(sum.connected).toBeGreaterThan(sum.scripts / 60);
    expect(sum.deaths).toBeGreaterThan(0);
    expect(sum.losses).toBeGreaterThan(0);
    expect(sum.events).toBeGreaterThan(sum.scripts / 10);
  });
});
