import type { PbxDocument } from '../config/document.ts';
import { isError } from '../config/issue.ts';
import { loadConfig } from '../config/load.ts';
import type { PbxVersion } from '../config/version.ts';
import { counted, quoted } from '../config/words.ts';
import { errorText, UserError } from '../errors.ts';
import { CallRecord } from '../history/record.ts';
import { type Replay, replay } from '../replay/replay.ts';
import { replayable } from '../replay/version.ts';
import { Api, pbxOption } from './api.ts';
import { UsageError } from './arguments.ts';
import {
  type Command,
  configFolder,
  configOption,
  exitCode,
  type Input,
  type Terminal,
  textOption,
} from './command.ts';
import { callText, differenceText, heardText, pathText } from './replay-text.ts';

/** `elsewhere` counts before `impossible`. */
const codes = { same: exitCode.ok, elsewhere: 2, impossible: 3 } as const;

/** See `docs/replay.md`. Records and the versions that they used come from a running node; what they are compared with is a folder. */
export const command: Command = {
  name: 'replay',
  summary: 'Run recorded calls again, and show which would go elsewhere on a changed configuration',
  operands: '[call]',
  maxOperands: 1,
  options: {
    config: { ...configOption, help: 'the configuration to compare with (default: KOMMUTATOR_CONFIG, else "schemes")' },
    from: { type: 'string', value: '<ISO>', help: 'all calls that began then or later, instead of one' },
    to: { type: 'string', value: '<ISO>', help: '… and before (default: now)' },
    pbx: pbxOption,
    json: { type: 'boolean', help: 'print one object for machines' },
  },
  exitCodes: {
    [codes.same]: 'no call would go elsewhere',
    [codes.elsewhere]: 'some call would go elsewhere',
    [codes.impossible]: 'none would, but some could not be run again',
  },

  async run(input, terminal) {
    const wanted = wantedCalls(input);
    const api = new Api(terminal);
    const pbx = await api.pbx(textOption(input, 'pbx'));
    const other = await versionIn(configFolder(input, terminal), pbx);
    const versions = new KeptVersions(api, other);
    const base = `/api/pbxs/${encodeURIComponent(pbx)}/history`;
    return 'call' in wanted
      ? one(CallRecord.parse(await api.get(`${base}/${encodeURIComponent(wanted.call)}`)), versions, input, terminal)
      : all(api.pages(`${base}?${wanted.period}&limit=500`), wanted.words, versions, input, terminal);
  },
};

type Wanted = { readonly call: string } | { readonly period: string; readonly words: string };

/** @throws UsageError unless it is one call, or a period */
function wantedCalls(input: Input): Wanted {
  const [call] = input.operands;
  const [from, to] = ['from', 'to'].map((name) => instant(input, name));
  if (call !== undefined && (from ?? to) === undefined) return { call };
  if (call !== undefined || from === undefined) {
    throw new UsageError(
      'say which calls: one by its id, or all from a time on',
      'kommutator replay <call>, or kommutator replay --from <ISO>',
    );
  }
  if (to !== undefined && to <= from)
    throw new UsageError('--to is not after --from', 'Calls that began before --to are meant.');
  const period = new URLSearchParams({ since: from, ...(to === undefined ? {} : { until: to }) }).toString();
  return { period, words: to === undefined ? `since ${from}` : `from ${from} to ${to}` };
}

function instant(input: Input, name: string): string | undefined {
  const text = textOption(input, name);
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new UsageError(`--${name} is no time: "${text}"`, 'Write it as 2026-01-31 or 2026-01-31T09:00:00+03:00.');
  return new Date(ms).toISOString();
}

/** @throws UserError when the folder has errors, or not this PBX */
async function versionIn(folder: string, pbx: string): Promise<PbxVersion> {
  const { versions, issues } = await loadConfig(folder);
  const errors = issues.filter(isError);
  if (errors.length > 0) {
    throw new UserError(
      'broken-configuration',
      `${counted(errors.length, 'error')} in ${folder}`,
      'Mend them: "kommutator check" tells what is wrong.',
    );
  }
  const found = versions.find(({ id }) => id === pbx);
  if (found) return replayable(found.version, found.document);
  const ids = versions.map(({ id }) => id);
  throw new UserError(
    'no-such-pbx',
    `${folder} has no PBX "${pbx}"`,
    `It has ${quoted(ids, 'and')}. Say which folder: --config <folder>`,
  );
}

/** The versions that calls used, each asked for once. */
class KeptVersions {
  readonly other: PbxVersion;
  readonly #api: Api;
  readonly #known = new Map<string, Promise<PbxVersion | string>>();

  constructor(api: Api, other: PbxVersion) {
    this.#api = api;
    this.other = other;
  }

  async replay(call: CallRecord): Promise<Replay> {
    const { configVersion } = call;
    const known = this.#known.get(configVersion) ?? this.#ask(configVersion);
    this.#known.set(configVersion, known);
    return replay(call, { used: await known, other: this.other });
  }

  async #ask(version: string): Promise<PbxVersion | string> {
    const answer = await this.#api.find(
      `/api/pbxs/${encodeURIComponent(this.other.id)}/config?version=${encodeURIComponent(version)}`,
    );
    if (answer === undefined) return `version ${version} of the configuration is not kept any more`;
    // What was valid when it was in force is not checked again.
    try {
      return replayable(version, (answer as { readonly document: PbxDocument }).document);
    } catch (error) {
      return `this engine does not understand version ${version} of the configuration: ${errorText(error)}`;
    }
  }
}

async function one(call: CallRecord, versions: KeptVersions, input: Input, terminal: Terminal): Promise<number> {
  const { out } = terminal;
  const found = await versions.replay(call);
  const { id, version } = versions.other;
  if (input.options.json) {
    out(JSON.stringify({ pbx: id, version, path: call.path, ...asJson(found) }, null, 2));
    return codes[found.verdict];
  }
  out(`${callText(call)}, on version ${call.configVersion}:\n\n${pathText(call.path)}\n`);
  if (found.verdict === 'impossible') out(`It cannot be run again: ${found.why}.`);
  else {
    const where = `On version ${version} of ${configFolder(input, terminal)}`;
    out(
      found.verdict === 'elsewhere'
        ? `${where} it would go elsewhere: ${differenceText(found.diverged)}.`
        : `${where} it goes the same way${upTo(found)}.`,
    );
    for (const difference of found.heard) out(`  ${heardText(difference)}`);
  }
  return codes[found.verdict];
}

async function all(
  calls: AsyncIterable<unknown>,
  period: string,
  versions: KeptVersions,
  input: Input,
  { out }: Terminal,
): Promise<number> {
  const counts = { same: 0, elsewhere: 0, impossible: 0 };
  const reasons = new Map<string, number>();
  const told: object[] = [];
  let otherwise = 0;
  let cut = 0;
  for await (const item of calls) {
    const found = await versions.replay(CallRecord.parse(item));
    counts[found.verdict]++;
    if (found.verdict === 'same') {
      if (found.heard.length > 0) otherwise++;
      if (found.upTo !== undefined) cut++;
      continue;
    }
    if (input.options.json) told.push(asJson(found));
    else if (found.verdict === 'elsewhere')
      out(`${callText(found.call)}  ${found.call.id}\n  ${differenceText(found.diverged)}`);
    if (found.verdict === 'impossible') reasons.set(found.why, (reasons.get(found.why) ?? 0) + 1);
  }
  const total = counts.same + counts.elsewhere + counts.impossible;
  const { id, version } = versions.other;
  if (total === 0) {
    throw new UserError(
      'no-calls',
      `${id} has no calls ${period}`,
      'Say an earlier time: --from <ISO>. "kommutator calls" shows the latest calls.',
    );
  }
  if (input.options.json) {
    out(JSON.stringify({ pbx: id, version, total, ...counts, heardOtherwise: otherwise, cut, calls: told }, null, 2));
  } else {
    const notes = [
      ...(otherwise > 0 ? [`${otherwise} of them hear something else on the way`] : []),
      ...(cut > 0 ? [`${cut} of them not complete, because too much happened in them`] : []),
    ];
    out(
      `${counted(total, 'call')} on version ${version}: ${counts.same} the same${notes.length > 0 ? ` (${notes.join(', ')})` : ''}, ${counts.elsewhere} elsewhere, ${counts.impossible} could not be run again`,
    );
    for (const [why, count] of reasons) out(`  ${count}: ${why}`);
  }
  return counts.elsewhere > 0 ? codes.elsewhere : counts.impossible > 0 ? codes.impossible : codes.same;
}

const upTo = (found: Extract<Replay, { readonly verdict: 'same' }>): string =>
  found.upTo === undefined ? '' : `, as far as its record goes: up to ${found.upTo.toFixed(1)} s`;

/** The call by what finds it again. */
function asJson({ call, ...rest }: Replay): object {
  const { id, start, from, to, scheme, configVersion } = call;
  return { call: { id, start, from, to, scheme, configVersion }, ...rest };
}
