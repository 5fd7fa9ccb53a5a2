import { isError } from '../config/issue.ts';
import { issuesText, summaryText } from '../config/issue-text.ts';
import { loadConfig } from '../config/load.ts';
import { parseMoment } from '../simulator/moment.ts';
import { originOf } from '../simulator/origin.ts';
import { resultOf } from '../simulator/result.ts';
import { parseScript } from '../simulator/script.ts';
import { defaultTalk, type SimulatedCall, Simulator } from '../simulator/simulator.ts';
import { story } from '../simulator/story.ts';
import { systemClock } from '../time/clock.ts';
import { UsageError } from './arguments.ts';
import { type Command, configFolder, configOption, exitCode, type Input, textOption } from './command.ts';
import { pbxNamed } from './pbx-named.ts';

const people = (help: string) => ({ type: 'string', value: '<who,…>', help, several: true }) as const;

export const command: Command = {
  name: 'simulate',
  summary: 'Run a call through a configuration and show each step with its reason: no SIP, no media, no Redis',
  operands: '<pbx>',
  maxOperands: 1,
  options: {
    to: { type: 'string', value: '<number>', help: 'the line or extension that is called' },
    from: {
      type: 'string',
      value: '<number>',
      help: 'the caller: a number, an employee (an internal call), or "anonymous"',
      mayBeEmpty: true,
    },
    at: { type: 'string', value: '<ISO>', help: "when, by the PBX's clocks unless it has an offset (default: now)" },
    do: {
      type: 'string',
      value: '<script>',
      help: 'what the caller does: "press 1 2 #; wait 20; fax; hangup"; after that he is silent, at most an hour',
    },
    answer: people('who answers: ivanov at once, ivanov@5 after 5 s; employees, numbers, SIP addresses'),
    busy: people('who is in another call'),
    decline: people('who declines the call'),
    offline: people('employees without a registered phone'),
    talk: {
      type: 'string',
      value: '<seconds>',
      help: `how long until the other side hangs up (default: as the script says, else ${defaultTalk})`,
    },
    seed: { type: 'string', value: '<n>', help: 'another course of chance, for groups that ring at random' },
    json: { type: 'boolean', help: 'print {answered, ended, path}' },
    config: configOption,
  },
  exitCodes: { [exitCode.ok]: 'the call was simulated, whatever came of it' },

  async run(input, terminal) {
    const folder = configFolder(input, terminal);
    const id = input.operands[0];
    if (id === undefined) throw usage('which PBX? Its id comes first');
    const to = textOption(input, 'to');
    const from = textOption(input, 'from');
    if (to === undefined) throw usage('--to is missing: the line or extension that is called');
    if (from === undefined) throw usage('--from is missing: who calls, "anonymous" for a hidden number');
    const script = parseScript(textOption(input, 'do') ?? '');
    const talk = numberOption(input, 'talk');
    const seed = numberOption(input, 'seed');

    const { issues, files, versions } = await loadConfig(folder);
    if (issues.some(isError)) {
      const errors = issues.filter(isError);
      terminal.err(`${issuesText(errors, { color: false, files })}\n\n${folder}: ${summaryText(issues)}`);
      return exitCode.failed;
    }
    const pbx = pbxNamed(id, versions, folder);
    const at = textOption(input, 'at');
    const call: SimulatedCall = {
      pbx,
      origin: originOf(pbx, from, to),
      at: at === undefined ? systemClock.now() : parseMoment(at, pbx.document.pbx.timezone),
      script,
      roles: {
        answer: list(input, 'answer'),
        busy: list(input, 'busy'),
        decline: list(input, 'decline'),
        offline: list(input, 'offline'),
      },
      ...(talk === undefined ? {} : { talk }),
      ...(seed === undefined ? {} : { seed }),
    };
    const simulation = await (await Simulator.open()).run(call);
    terminal.out(input.options.json ? JSON.stringify(resultOf(simulation), null, 2) : story(call, simulation));
    return exitCode.ok;
  },
};

const usage = (message: string): UsageError => new UsageError(message, 'See "kommutator simulate --help".');

function numberOption(input: Input, name: string): number | undefined {
  const text = textOption(input, name);
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(text)) throw usage(`--${name}: "${text}" is no number`);
  return Number(text);
}

const list = (input: Input, name: string): readonly string[] =>
  (textOption(input, name) ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
