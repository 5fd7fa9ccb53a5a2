import { parentPort } from 'node:worker_threads';
import { type LoadCache, type LoadedConfig, loadConfig } from './load.ts';
import { type Loaded, listsOf, partLength, type Question } from './reload-messages.ts';
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
  const loaded: LoadedConfig = await loadConfig(question.folder, cache);
  ({ cache, versions } = loaded);
  return { issues: loaded.issues, pbxs: versions.map((version) => summary(version, question.have)) };
}

function summary({ id, version, document, audioFiles }: PbxVersion, have: ReadonlyMap<string, string>) {
  if (have.get(id) === version) return { id, version, audio: audioFiles, content: undefined };
  const lists = listsOf(document);
  const rest = { ...document, ...Object.fromEntries(lists.map(([key]) => [key, []])) };
  const lengths = new Map(lists.map(([key, list]) => [key, list.length]));
  return { id, version, audio: audioFiles, content: { rest, lengths } };
}
