/** Chance that repeats itself, for tests. */
export { seededRandom } from '../../src/time/seeded-random.ts';
