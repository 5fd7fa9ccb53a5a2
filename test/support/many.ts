const times = Number(process.env.MODEL_RUNS ?? 1);

/** How many runs of a property: a few in everyday tests, and `MODEL_RUNS` times as many where that is set. */
export const many = (few: number): { readonly numRuns: number } => ({ numRuns: Math.ceil(few * times) });

/** How long they may take, milliseconds. */
export const patience = (ms: number): number => ms * Math.max(1, times);
