import fc from 'fast-check';

/**
 * Properties draw the same cases at every run, so that the tests say of a change what they said of the one before. With MODEL_SEED=<n> they draw others,
 * with MODEL_SEED=random others each time; MODEL_RUNS makes them more.
 */
const { MODEL_SEED = '1' } = process.env;
if (MODEL_SEED !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(MODEL_SEED) });
