import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** The only source of chance, injected like the clock, so that a test can repeat a run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, below). */
  below(below: number): number;
  /** `bytes` random bytes as lower-case hex: tags, branches, nonces. Unguessable in the system source. */
  hex(bytes: number): string;
  uuid(): string;
}

export const systemRandom: Random = {
  next: () => randomInt(2 ** 47) / 2 ** 47,
  below: (below) => randomInt(below),
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  uuid: () => randomUUID(),
};
