import { Api, jsonOption, pbxOption } from './api.ts';
import { type Command, configOption, exitCode, textOption } from './command.ts';
import { type Column, table } from './table.ts';

const registrations: readonly Column[] = [
  ['ACCOUNT', ({ account, aor }) => account ?? aor],
  ['CONTACT', ({ contact }) => contact],
  ['FROM', ({ address, received }) => address ?? received],
  ['USER AGENT', ({ userAgent }) => userAgent],
  ['EXPIRES', ({ expires, expiresIn }) => expires ?? expiresIn],
];

const live: readonly Column[] = [
  ['CALL', ({ id }) => id],
  ['SINCE', ({ start }) => start],
  ['DIRECTION', ({ direction }) => direction],
  ['FROM', ({ from }) => from],
  ['TO', ({ to }) => to],
  ['STATE', ({ state }) => state],
];

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
