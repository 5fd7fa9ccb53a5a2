import { parentPort } from 'node:worker_threads';
import { type LoadCache, type LoadedConfig, loadConfig } from './load.ts';
import { type InForce, type Loaded, listsOf, partLength, type Question } from './reload-messages.ts';
import type { PbxVersion } from './version.ts';

/** The thread that reads the configuration folder (see `reload-thread.ts`). It remembers what it has read. */
if (!parentPort) throw new Error('this file runs as a worker thread');
const port = parentPort;

let cache: LoadCache | undefined;
let versions: readonly PbxVersion[] = [];

port.on('message', async (question: Question) => port.postMessage(await answer(question)));

async function answer(question: Question): Promise<Loaded | readonly unknown[]> {
  if (question.ask === 'part') {
    const { pbx, list, from } = question;
    return versions[pbx]?.document[list].slice(from, from + partLength) ?? [];
  }
  const { folder, now, have } = question;
  const inForce = new Map([...have].map(([id, { names }]) => [id, names]));
  const loaded: LoadedConfig = await loadConfig(folder, { now, cache, inForce });
  ({ cache, versions } = loaded);
  return { issues: loaded.issues, pbxs: versions.map((version) => summary(version, have)) };
}

function summary({ id, version, document, audioFiles }: PbxVersion, have: ReadonlyMap<string, InForce>) {
  if (have.get(id)?.version === version) return { id, version, audio: audioFiles, content: undefined };
  const lists = listsOf(document);
  const rest = { ...document, ...Object.fromEntries(lists.map(([key]) => [key, []])) };
  const lengths = new Map(lists.map(([key, list]) => [key, list.length]));
  return { id, version, audio: audioFiles, content: { rest, lengths } };
}
