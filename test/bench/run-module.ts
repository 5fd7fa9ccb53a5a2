import { errorText } from '../../src/errors.ts';
import type { Figure } from './figure.ts';

/** What the process of one bench tells `run.ts`. */
export type Report = { readonly figures: readonly Figure[] } | { readonly error: string };

const [name] = process.argv.slice(2);

async function report(): Promise<Report> {
  try {
    const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<Figure[]> };
    return { figures: await run() };
  } catch (error) {
    console.error(error);
    return { error: errorText(error) };
  }
}

process.send?.(await report(), () => process.exit());
