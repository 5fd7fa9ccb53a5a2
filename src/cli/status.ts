import { Api, jsonOption, pbxOption, type Row } from './api.ts';
import { type Command, configOption, exitCode, textOption } from './command.ts';
import { type Column, moment, table } from './table.ts';

const registrations: readonly Column[] = [
  ['ACCOUNT', ({ account }) => account],
  ['CONTACT', ({ contact }) => contact],
  ['FROM', ({ address }) => address],
  ['USER AGENT', ({ userAgent }) => userAgent],
  ['EXPIRES', ({ expires }) => expires],
];

const live: readonly Column[] = [
  ['CALL', ({ id }) => id],
  ['SINCE', ({ start }) => moment(start)],
  ['DIRECTION', ({ direction }) => direction],
  ['FROM', ({ from }) => from],
  ['TO', ({ to }) => to],
  ['STAGE', ({ stage }) => stage],
  ['WITH', ({ parties }) => (Array.isArray(parties) ? parties.map(party).join(', ') : parties)],
];

const party = ({ name, state }: Row): string => `${name} (${state})`;

export const command: Command = {
  name: 'status',
  summary: 'Show the registered phones and the calls in progress of a running node',
  options: { pbx: pbxOption, json: jsonOption, config: configOption },

  async run(input, terminal) {
    const api = new Api(terminal);
    const pbx = await api.pbx(textOption(input, 'pbx'));
    const base = `/api/pbxs/${encodeURIComponent(pbx)}`;
    const [phones, calls] = await Promise.all([api.list(`${base}/registrations`), api.list(`${base}/calls`)]);
    if (input.options.json) {
      terminal.out(JSON.stringify({ pbx, registrations: phones, calls }, null, 2));
      return exitCode.ok;
    }
    terminal.out(phones.length > 0 ? table(registrations, phones) : `No phone is registered in ${pbx}.`);
    terminal.out('');
    terminal.out(calls.length > 0 ? table(live, calls) : 'No call is in progress.');
    return exitCode.ok;
  },
};
