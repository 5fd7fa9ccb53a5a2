import { Api, jsonOption, pbxOption, type Row } from './api.ts';
import { type Command, configOption, exitCode, textOption } from './command.ts';
import { type Column, moment, table } from './table.ts';

const columns: readonly Column[] = [
  ['START', ({ start }) => moment(start)],
  ['DIRECTION', ({ direction }) => direction],
  ['FROM', ({ from }) => from],
  ['TO', ({ to }) => to],
  ['LINE', ({ line }) => line],
  ['OUTCOME', ({ outcome }) => outcome],
  ['WAIT', ({ wait }: Row) => wait],
  ['TALK', ({ talk }: Row) => talk],
  ['ID', ({ id }) => id],
];

export const command: Command = {
  name: 'calls',
  summary: 'Show the latest calls of a running node',
  options: {
    pbx: pbxOption,
    limit: { type: 'string', value: '<n>', help: 'how many (default 20)' },
    json: jsonOption,
    config: configOption,
  },

  async run(input, terminal) {
    const api = new Api(terminal);
    const pbx = await api.pbx(textOption(input, 'pbx'));
    const limit = encodeURIComponent(textOption(input, 'limit') ?? '20');
    const calls = await api.list(`/api/pbxs/${encodeURIComponent(pbx)}/history?limit=${limit}`);
    if (input.options.json) terminal.out(JSON.stringify(calls, null, 2));
    else terminal.out(calls.length > 0 ? table(columns, calls) : `No calls in ${pbx} yet.`);
    return exitCode.ok;
  },
};
